import math

import pytest
import torch

from hand_pose_ros.data.rendering.steady import azimuth, power, products, sigmoid

NUMBERS = torch.linspace(0.0, 3.0, 1003)


@pytest.mark.parametrize(
    ('ours', 'truth'),
    [
        (lambda x: power(x, 2.2), lambda x: x**2.2),
        (lambda x: power(x, 1 + x), lambda x: x ** (1 + x)),
        (lambda x: sigmoid(x - 1), lambda x: torch.sigmoid(x - 1)),
        (lambda x: azimuth(x - 1, x - 2), lambda x: torch.atan2(x - 1, x - 2)),
        (lambda x: azimuth(1 - x, x - 2), lambda x: torch.atan2(1 - x, x - 2)),
    ],
)
def test_equals_torch_and_does_not_depend_on_the_place_in_an_array(ours, truth):
    whole = ours(NUMBERS)
    assert torch.allclose(whole, truth(NUMBERS), atol=1e-5, rtol=1e-5)
    for start in (1, 3, 7, 995, 1001):
        assert torch.equal(ours(NUMBERS[start:].clone()), whole[start:])
        assert torch.equal(ours(NUMBERS[:start].clone()), whole[:start])


def test_azimuth_knows_all_quarters():
    y, x = torch.tensor((0.0, 1.0, 0.0, -1.0)), torch.tensor((1.0, 0.0, -1.0, 0.0))
    truth = torch.tensor((0.0, math.pi / 2, math.pi, -math.pi / 2))
    assert torch.allclose(azimuth(y, x), truth)


def test_products_are_those_of_each_pair_alone():
    a, b = torch.rand(5, 7, 3), torch.rand(5, 3, 2)
    assert torch.equal(products(a, b)[2:3], products(a[2:3], b[2:3]))
    assert torch.allclose(products(a, b), a @ b)
    assert products(a[:0], b[:0]).shape == (0, 7, 2)
