"""The mask-pose cascade of the paper; test_all.py holds what all networks share."""

import pytest
import torch
from torch import nn

from hand_pose_ros.networks.mask_pose import PLANS, MaskPose


def network(plan='slim'):
    torch.manual_seed(0)
    return MaskPose(PLANS[plan]).eval()


def pictures():
    torch.manual_seed(1)
    return torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)


def test_the_trunk_is_vgg_19_up_to_conv4_4_and_narrows_to_128_features():
    with torch.device('meta'):
        trunk = MaskPose(PLANS['full']).trunk
    convolutions = [layer for layer in trunk if isinstance(layer, nn.Conv2d)]
    channels = [layer.out_channels for layer in convolutions]
    assert channels == [64] * 2 + [128] * 2 + [256] * 4 + [512] * 4 + [512, 512, 128]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    kinds = [type(layer) for layer in trunk if not isinstance(layer, nn.ReLU)]
    assert [i for i, kind in enumerate(kinds) if kind is nn.MaxPool2d] == [2, 5, 10]


def test_stages_see_features_and_mask_and_all_but_the_first_the_maps_before():
    with torch.device('meta'):
        stages = MaskPose(PLANS['full']).stages, MaskPose(PLANS['full_no_mask']).stages
    assert [[stage[0].in_channels for stage in each] for each in stages] == [
        [130, 152, 152, 152, 152],
        [128, 150, 150, 150, 150],
    ]


def test_the_mask_of_the_result_is_the_share_of_hand_and_the_maps_depend_on_it():
    net = network()
    with torch.no_grad():
        net.mask[-1].weight.zero_()
        found = []
        for hand_logit in (-1.0, 1.0):
            net.mask[-1].bias.copy_(torch.tensor([0.0, hand_logit]))
            maps, mask = net.predict(pictures())
            assert mask.shape == (2, 8, 8)
            expected = torch.sigmoid(torch.tensor(hand_logit)).expand_as(mask)
            torch.testing.assert_close(mask, expected)
            found.append(maps)
    assert (found[0] - found[1]).abs().max() > 1e-3


@pytest.mark.parametrize('plan', ['slim_no_mask', 'full_no_mask'])
def test_without_the_mask_head_nothing_is_hand(plan):
    net = network(plan)
    with torch.no_grad():
        maps, mask = net.predict(pictures())
    assert maps.shape == (2, 22, 8, 8)
    assert mask.shape == (2, 8, 8)
    assert mask.abs().max() == 0
