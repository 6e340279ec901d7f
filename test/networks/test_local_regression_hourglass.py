"""The stages that the paper states; test_all.py holds what all networks share."""

import pytest
import torch

from hand_pose_ros.networks.local_regression_hourglass import (
    PLANS,
    Hourglass,
    LocalRegressionHourglass,
    PatchRegression,
)
from hand_pose_ros.networks.srhandnet import ResidualBlock

SIZE = 128


@pytest.mark.parametrize('plan', PLANS)
def test_plans_fit_into_50_megabytes(plan):
    assert 4 * sum(p.numel() for p in LocalRegressionHourglass(PLANS[plan]).parameters()) < 50e6


def test_the_global_regression_has_as_many_local_weights_as_the_patches():
    weights = [
        LocalRegressionHourglass(PLANS[p]).patches.weight for p in ('small', 'small_global')
    ]
    assert weights[0].numel() == weights[1].numel()


# Ours, and the evaluated, predicted and defined ones of NYU.
@pytest.mark.parametrize('joints', [21, 14, 35, 36])
def test_any_number_of_joints_and_one_side(joints):
    net = LocalRegressionHourglass(PLANS['small'], joints)
    found, side = net(torch.zeros(2, SIZE, SIZE))
    assert found.shape == (2, joints, 3)
    assert side.shape == (2,)


def test_a_third_order_hourglass_sees_a_map_of_32_cells_down_to_4():
    net = Hourglass(3, 16)
    sizes = set()
    for block in net.modules():
        if isinstance(block, ResidualBlock):
            block.register_forward_hook(lambda _, inputs, __: sizes.add(inputs[0].shape[2]))
    assert net(torch.zeros(2, 16, 32, 32)).shape == (2, 16, 32, 32)
    assert sizes == {32, 16, 8, 4}


def test_each_patch_has_weights_of_its_own_and_keeps_its_place():
    torch.manual_seed(0)
    net = PatchRegression(grid=2, patch_size=4, channels=3, features=5)
    x = torch.rand(2, 3, 8, 8)
    local = net(x).reshape(2, 4, 5)
    for patch, (row, column) in enumerate(((0, 0), (0, 4), (4, 0), (4, 4))):
        part = x[:, :, row : row + 4, column : column + 4].flatten(1)
        alone = part @ net.weight[patch] + net.bias[patch]
        torch.testing.assert_close(local[:, patch], alone)


def test_the_side_lies_between_left_and_right():
    torch.manual_seed(0)
    net = LocalRegressionHourglass(PLANS['small']).eval()
    crop = torch.rand(3, SIZE, SIZE)
    with torch.no_grad():
        (joints, logit), (same, side) = net(crop), net.predict(crop)
    torch.testing.assert_close(joints, same)
    torch.testing.assert_close((1 + side) / 2, torch.sigmoid(logit))
