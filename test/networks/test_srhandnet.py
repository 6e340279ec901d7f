"""The SRHandNet of the paper and its smaller plans; test_all.py holds what all networks share."""

import pytest
import torch

from hand_pose_ros.networks.srhandnet import NUM_MAPS, PLANS, STRIDES, SRHandNet


@pytest.mark.parametrize('plan', PLANS)
def test_four_heads_at_their_strides(plan):
    outputs = SRHandNet(PLANS[plan])(torch.zeros(2, 3, 96, 64))
    assert [tuple(o.shape) for o in outputs] == [(2, NUM_MAPS, 96 // t, 64 // t) for t in STRIDES]
