"""The SRHandNet that its authors released, played by a TorchScript file of the same interface."""

import numpy as np
import pytest
import torch
from oracle import open_hand
from torch import Tensor, nn

from hand_pose_ros.cli import main as cli
from hand_pose_ros.codecs import heatmap, region_map
from hand_pose_ros.estimators.srhandnet import SRHandNetEstimator
from hand_pose_ros.runtimes.base import INPUT_NAME, OUTPUT_NAME
from hand_pose_ros.runtimes.open import open_runtime
from hand_pose_ros.types import Side

# The authors' file is TorchScript, whatever follows it.
pytestmark = pytest.mark.filterwarnings('ignore:.torch.jit:DeprecationWarning')

HAND = open_hand((110, 140), 120)


class StandIn(nn.Module):
    """Always sees the same hand; its first map is the first channel of the picture, too."""

    def __init__(self, maps: Tensor) -> None:
        super().__init__()
        self.maps = nn.Parameter(maps)
        self.pool = nn.AvgPool2d(4)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        maps = self.maps.expand(image.shape[0], -1, -1, -1)
        first = maps[:, :1] + self.pool(image[:, :1] + 0.5)
        maps = torch.cat((first, maps[:, 1:]), 1)
        coarse = nn.functional.avg_pool2d(maps, 4)
        return coarse, coarse, nn.functional.avg_pool2d(maps, 2), maps


@pytest.fixture
def script(tmp_path):
    keypoints = heatmap.encode(HAND[None], (64, 64), 4, 3.0)
    boxes = region_map.keypoint_box(HAND)[None]
    regions = region_map.encode(boxes, np.zeros(1), (64, 64), 4, 3.0, 256)[:3]
    maps = torch.from_numpy(np.concatenate((keypoints, regions)))[None]
    path = tmp_path / 'hand.pts'
    torch.jit.script(StandIn(maps)).save(str(path))
    return path


@pytest.fixture
def runtime(script, capsys):
    out = script.with_suffix('.onnx')
    assert cli.main(['import-srhandnet', str(script), str(out)]) == 0
    assert 'largest difference' in capsys.readouterr().out
    return open_runtime(str(out), 'onnx', 1)[0]


def test_the_model_file_takes_rgb_bytes_and_gives_our_maps(runtime, script):
    image = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), np.uint8)
    maps = runtime.run({INPUT_NAME: image})[OUTPUT_NAME]
    assert maps.shape == (2, 26, 64, 64)
    blue = image[..., 2].reshape(2, 64, 4, 64, 4).mean(axis=(2, 4)) / 255
    released = torch.jit.load(str(script)).maps.detach().numpy()[0]
    np.testing.assert_allclose(maps[:, 0], released[0] + blue, atol=1e-5)
    np.testing.assert_allclose(maps[1, 1:21], released[1:21], atol=1e-5)
    first, last = region_map.CENTRE, region_map.HEIGHT
    np.testing.assert_allclose(maps[1, first : last + 1], released[21:], atol=1e-5)
    largest = maps[:, :21].max(axis=1)
    np.testing.assert_allclose(maps[:, region_map.BACKGROUND], 1 - largest, atol=1e-5)
    assert (maps[:, region_map.SIDE] == 0).all()


@pytest.mark.parametrize('cycle', ['off', 'full'])
def test_the_estimator_reads_it(runtime, cycle):
    (hand,) = SRHandNetEstimator(runtime).detect(
        np.zeros((256, 256, 3), np.uint8), 0.2, cycle, refine=True
    )
    assert hand.side == Side.UNKNOWN
    assert hand.score > 0.9
    if cycle == 'off':
        np.testing.assert_allclose(hand.keypoints_px, HAND, atol=0.2)


def test_what_is_no_torchscript_or_another_network_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / 'text.pts').write_text('weights')
    torch.jit.script(nn.Conv2d(3, 24, 1)).save(str(tmp_path / 'other.pts'))
    complaints = {
        'nothing.pts': 'does not exist',
        'text.pts': 'is not a TorchScript file',
        'other.pts': 'must give 4 outputs, the last (2, 24, 64, 64), got',
    }
    for name, text in complaints.items():
        out = tmp_path / 'out.onnx'
        assert cli.main(['import-srhandnet', str(tmp_path / name), str(out)]) == 1
        assert text in capsys.readouterr().err
        assert not out.exists()
