"""What validation does with a network that is being trained."""

import numpy as np

from hand_pose_ros.networks.deployed import build
from hand_pose_ros.networks.mobile_keypoints import STRIDE
from hand_pose_ros.runtimes.base import INPUT_NAME, KeypointSpec
from hand_pose_ros.training.validation import deployed_runtime


def test_a_network_in_training_stays_in_training():
    net = build('mobile_keypoints', 'slim')
    before = {name: value.clone() for name, value in net.state_dict().items()}
    spec = KeypointSpec('mobile_keypoints', 'slim', 64, STRIDE)
    runtime = deployed_runtime(net, spec, 'cpu')
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    (together,) = runtime.run({INPUT_NAME: pictures}).values()
    (alone,) = runtime.run({INPUT_NAME: pictures[:1]}).values()
    # In training, one picture of a batch would change what is said of the other.
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)
    assert all(module.training for module in net.modules())
    assert all((value == before[name]).all() for name, value in net.state_dict().items())
