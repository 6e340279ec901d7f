"""The judge of regions: what of its trunk is trained, and what its answers mean."""

import pytest
import torch

from hand_pose_ros.networks.hand_presence import PLANS, HandPresence


def test_first_filters_and_all_statistics_stay_as_they_are_in_training():
    torch.manual_seed(0)
    net = HandPresence(PLANS['lite0']).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1)
    net(torch.rand(2, 3, 96, 96) - 0.5)[0].square().sum().backward()
    optimiser.step()
    changed = {name for name, value in net.state_dict().items() if (value != before[name]).any()}
    parts = {'.'.join(name.split('.')[:2]) for name in changed}
    assert parts == {'trunk.e2', 'trunk.e3', 'trunk.e4', 'head.1'}
    assert not any('running' in name or 'num_batches' in name for name in changed)


def test_the_answer_is_how_sure_it_is():
    net = HandPresence(PLANS['lite0']).eval()
    picture = torch.randint(0, 256, (3, 96, 96, 3), dtype=torch.uint8)
    with torch.no_grad():
        net.head[1].weight.zero_()
        net.head[1].bias.fill_(2.0)
        presence = net.predict(picture)
    assert presence.tolist() == pytest.approx([0.8808] * 3, abs=1e-4)
