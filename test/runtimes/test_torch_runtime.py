"""Which device torch works on."""

import pytest
import torch

from hand_pose_ros.cli.main import main
from hand_pose_ros.runtimes.torch_runtime import torch_device


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
