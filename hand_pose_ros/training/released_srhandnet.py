"""The SRHandNet that its authors released, as a model file of ours.

They gave out a TorchScript file: a picture of 256 x 256 pixels, channels B, G, R, value / 255 -
0.5, to four outputs, the last of which is (N, 24, 64, 64): 21 keypoints, centre, width, height.
Width and height are ratios of the 256 pixels. It has no background and does not know left from
right: the background is filled in, and the side stays unknown.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hand_pose_ros.runtimes.base import INPUT_NAME, ModelSpec
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.training.export import export_module

SIZE = 256
STRIDE = 4
HEADS = 4
RELEASED_MAPS = NUM_KEYPOINTS + 3

SPEC = ModelSpec('srhandnet', 'released', SIZE, SIZE, SIZE, STRIDE)


class ReleasedSRHandNet(nn.Module):
    """The released network between the inputs and the outputs of ours.

    Attributes:
        script: The released network.
    """

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.script = script

    def forward(self, image: Tensor) -> Tensor:
        """Predicts the maps of the last head; see `SRHandNet.predict`.

        Args:
            image: (N, 256, 256, 3) uint8, channels R, G, B.

        Returns:
            (N, 26, 64, 64) float32, in the order of codecs/region_map.py.
        """
        bgr = image.flip(-1).to(torch.float32) / 255 - 0.5
        maps = self.script(bgr.permute(0, 3, 1, 2))[-1]
        keypoints, regions = maps[:, :NUM_KEYPOINTS], maps[:, NUM_KEYPOINTS:]
        background = 1 - keypoints.amax(dim=1, keepdim=True)
        side = torch.zeros_like(background)
        return torch.cat((keypoints, background, regions, side), 1)


def import_released(script: Path, path: Path) -> float:
    """Turns the released file into a model file, and compares the two.

    Args:
        script: The authors' TorchScript file.
        path: The .onnx file to write.

    Returns:
        The largest difference of an output value.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not TorchScript, not that network, or the model file says something else.
    """
    if not script.is_file():
        raise FileNotFoundError(f'{script} does not exist')
    try:
        released = torch.jit.load(str(script), map_location='cpu').eval()
    except RuntimeError as error:
        raise ValueError(f'{script} is not a TorchScript file') from error
    _check(script, released)
    rng = np.random.default_rng(0)
    examples = [
        {INPUT_NAME: rng.integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)} for count in (1, 3)
    ]
    # A script within a module is exported only after a trace of the whole.
    example = torch.from_numpy(examples[-1][INPUT_NAME])
    module = torch.jit.trace(ReleasedSRHandNet(released).eval(), example)
    return export_module(module, SPEC, examples, path)


def _check(script: Path, released: torch.jit.ScriptModule) -> None:
    """Refuses a network with other inputs or outputs than the released one."""
    try:
        with torch.inference_mode():
            outputs = released(torch.zeros(2, 3, SIZE, SIZE))
    except RuntimeError as error:
        raise ValueError(f'{script} takes no (2, 3, {SIZE}, {SIZE}) picture') from error
    shapes = [tuple(output.shape) for output in outputs]
    wanted = (2, RELEASED_MAPS, SIZE // STRIDE, SIZE // STRIDE)
    if len(shapes) != HEADS or shapes[-1] != wanted:
        raise ValueError(f'{script} must give {HEADS} outputs, the last {wanted}, got {shapes}')
