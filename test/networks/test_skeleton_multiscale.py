"""The two networks of the skeleton paper; test_all.py holds what all networks share."""

import pytest
import torch

from hand_pose_ros.codecs import heatmap
from hand_pose_ros.networks.skeleton_multiscale import (
    MULTISCALE_PLANS,
    UNET_PLANS,
    SkeletonMultiScale,
    SkeletonUNet,
    enlarge,
)

SIZE = 64


def pose_network(plan):
    torch.manual_seed(0)
    return SkeletonMultiScale(MULTISCALE_PLANS[plan]).eval()


def pictures():
    torch.manual_seed(1)
    image = torch.randint(0, 256, (2, SIZE, SIZE, 3), dtype=torch.uint8)
    return image, torch.rand(2, SIZE, SIZE)


@pytest.mark.parametrize('plan', UNET_PLANS)
def test_a_skeleton_is_as_large_as_its_picture_and_between_nothing_and_hand(plan):
    (skeleton,) = SkeletonUNet(UNET_PLANS[plan]).eval()(torch.rand(1, 3, 32, 48))
    assert skeleton.shape == (1, 32, 48)
    assert 0 < skeleton.min() < skeleton.max() < 1


def test_heatmaps_start_nearly_empty():
    outputs = pose_network('slim')(torch.zeros(1, 3, SIZE, SIZE), torch.zeros(1, SIZE, SIZE))
    assert max(float(output.detach().mean()) for output in outputs) < 0.05


@pytest.mark.parametrize(('plan', 'matters'), [('slim', True), ('slim_no_skeleton', False)])
def test_the_skeleton_changes_the_heatmaps_unless_the_plan_leaves_it_out(plan, matters):
    net, (image, skeleton) = pose_network(plan), pictures()
    with torch.no_grad():
        change = (net.predict(image, skeleton) - net.predict(image, 1 - skeleton)).abs().max()
    assert (float(change) > 1e-6) == matters


def test_outputs_are_averaged_with_the_weights_of_the_paper():
    net, (image, skeleton) = pose_network('slim'), pictures()
    with torch.no_grad():
        for head in (*net.heads, net.final):
            head.weight.zero_()
        # Logits of 0 are a half, of -40 nothing: one output at a time says something.
        for output, weight in enumerate((1 / 2, 1 / 4, 1 / 2, 1, 1)):
            for index, head in enumerate((*net.heads, net.final)):
                head.bias.fill_(0.0 if index == output else -40.0)
            maps = net.predict(image, skeleton)
            torch.testing.assert_close(maps, torch.full_like(maps, 0.5 * weight / 3.25))


@pytest.mark.parametrize('stride', [2, 4])
def test_an_enlarged_map_has_its_peak_where_the_codec_put_it(stride):
    keypoints = torch.tensor([[[24.0, 40.0]]]).numpy()
    maps = heatmap.encode(keypoints, (SIZE // stride,) * 2, stride, 1.25)
    larger = enlarge(torch.from_numpy(maps)[None], stride)[0].numpy()
    assert larger.shape == (1, SIZE, SIZE)
    assert heatmap.best_cells(larger).tolist() == [[24, 40]]
    # Between two cells it is their mean.
    middle = (maps[0, 40 // stride, 24 // stride] + maps[0, 40 // stride, 24 // stride + 1]) / 2
    assert larger[0, 40, 24 + stride // 2] == pytest.approx(middle, abs=1e-6)
