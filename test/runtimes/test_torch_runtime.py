"""Which device torch works on, and how it reads the weights of a model file."""

from pathlib import Path

import pytest
import torch

from hand_pose_ros.cli.main import main
from hand_pose_ros.networks.deployed import build
from hand_pose_ros.runtimes.torch_runtime import read_module, torch_device
from hand_pose_ros.training.export import export_onnx
from hand_pose_ros.training.tasks import read_task

RECIPE = Path(__file__).parents[2] / 'config/models/srhandnet_nano.yaml'


def test_the_cpu_is_always_there():
    assert torch_device('cpu') == 'cpu'
    assert torch_device(None) == ('cuda' if torch.cuda.is_available() else 'cpu')


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_a_gpu_that_is_not_there_is_told_in_one_line(tmp_path, capsys):
    with pytest.raises(
        ValueError, match=r'--device cuda:0: torch .* (no NVIDIA GPU|without CUDA)'
    ):
        torch_device('cuda:0')
    recipe = 'config/models/srhandnet_nano.yaml'
    assert main(['train', recipe, '--data', str(tmp_path), '--device', 'cuda']) == 1
    assert capsys.readouterr().err.startswith('hand-pose: --device cuda: torch')


def test_a_device_of_another_name_is_told():
    with pytest.raises(ValueError, match="--device must be cpu or cuda, got 'gpu'"):
        torch_device('gpu')


def test_layers_of_equal_weights_are_read_like_any_other(tmp_path):
    # The file holds equal weights once.
    task = read_task(RECIPE)
    torch.manual_seed(0)
    weights = build('srhandnet', 'nano').state_dict()
    weights['h1.0.conv2.weight'] = weights['h0.0.conv2.weight'].clone()
    export_onnx(weights, task, tmp_path / 'model.onnx')
    module, _ = read_module(tmp_path / 'model.onnx')
    read = module.net.state_dict()
    expected = weights['h0.0.conv2.weight'].half().float()
    for name in ('h0.0.conv2.weight', 'h1.0.conv2.weight'):
        torch.testing.assert_close(read[name], expected, rtol=0, atol=0)
