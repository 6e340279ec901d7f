"""The MobileNetV2 of the paper and its decoder; test_all.py holds what all networks share."""

import pytest
import torch
from torch import nn

from hand_pose_ros.networks.mobile_keypoints import PLANS, InvertedResidual, MobileKeypoints


def network(plan):
    with torch.device('meta'):
        return MobileKeypoints(PLANS[plan]).eval()


# Channels of MobileNetV2's 17 blocks (its table 2).
CHANNELS = [16] + [24] * 2 + [32] * 3 + [64] * 4 + [96] * 3 + [160] * 3 + [320]


@pytest.mark.parametrize(('plan', 'size'), [('full', 224), ('full_112', 112)])
def test_the_encoder_is_mobilenet_v2_but_block_14_keeps_its_resolution(plan, size):
    net, seen = network(plan), []
    assert PLANS[plan].input_size == size
    blocks = [block for block in net.encoder if isinstance(block, InvertedResidual)]
    for block in blocks:
        block.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape[1:3])))
    net(torch.zeros(1, 3, size, size, device='meta'))
    strides = [2] * 1 + [4] * 2 + [8] * 3 + [16] * 11
    assert seen == [(c, size // t) for c, t in zip(CHANNELS, strides, strict=True)]


def told(layer):
    """Says of a convolution what it is, its side, and how many channels it gives."""
    kind = (
        'rise' if isinstance(layer, nn.ConvTranspose2d) else 'each' if layer.groups > 1 else 'all'
    )
    return f'{kind} {layer.kernel_size[0]} {layer.out_channels}'


def test_the_decoder_is_that_of_the_authors_figure():
    net = network('full')
    layers = [
        [told(each) for each in part.modules() if hasattr(each, 'kernel_size')]
        for part in (net.wide, net.beside, net.narrow, net.rise, net.head)
    ]
    assert layers == [
        ['all 1 512', 'each 3 512', 'all 1 1024'],
        ['all 1 1024'],
        ['all 1 256', 'each 3 256', 'all 1 256'],
        ['rise 4 128', 'rise 4 128'],
        ['each 3 128', 'all 1 22'],
    ]
