"""Weights of ImageNet arrive where they belong."""

import sys

import pytest
import torch

from hand_pose_ros.networks.deployed import build
from hand_pose_ros.training.imagenet import PACKAGE, encoder_weights, load_trunks

COLOUR = (200.0, 140.0, 90.0)
# First channels in the middle of a picture of that colour after e1, e2 and e3, by the package
# efficientnet_lite_pytorch 0.1.0, whose padding at the border is another one.
THEIRS = [
    [-6.4347, 9.0009, -6.1106, 8.2382],
    [-10.6514, 3.0760, 2.7501, -3.1147],
    [1.0482, 0.5039, 0.3462, 2.2343],
]


@pytest.fixture(scope='module')
def weights():
    pytest.importorskip(PACKAGE)
    return encoder_weights()


def test_the_trunk_says_what_another_implementation_says(weights):
    trunk = build('hand_presence', 'lite0').trunk.eval()
    trunk.load_state_dict(weights)
    picture = torch.tensor(COLOUR).view(1, 3, 1, 1).expand(1, 3, 512, 512)
    with torch.no_grad():
        e1 = trunk.e1(trunk.stem((picture - 128) / 256))
        e2 = trunk.e2(e1)
        maps = (e1, e2, trunk.e3(e2))
    for found, theirs in zip(maps, THEIRS, strict=True):
        middle = found[0, :4, found.shape[2] // 2, found.shape[3] // 2]
        assert middle.tolist() == pytest.approx(theirs, abs=2e-4)


def test_every_trunk_in_a_network_gets_them_and_nothing_else_changes(weights):
    torch.manual_seed(0)
    net = build('hand_presence', 'lite0')
    before = {name: value.clone() for name, value in net.state_dict().items()}
    load_trunks(net)
    after = net.state_dict()
    changed = {name for name, value in after.items() if (value != before[name]).any()}
    assert {name.split('.')[0] for name in changed} == {'trunk'}
    torch.testing.assert_close(
        after['trunk.e4.3.body.3.0.weight'], weights['e4.3.body.3.0.weight']
    )


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(ModuleNotFoundError, match=f'pip install {PACKAGE}'):
        load_trunks(build('hand_presence', 'lite0'))
    load_trunks(build('srhandnet', 'nano'))
