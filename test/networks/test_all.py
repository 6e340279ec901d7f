"""What holds for every network: shapes and sizes, gradients, and the exported file.

That each one learns, by its own loss on its own samples, is in training/test_tasks.py.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hand_pose_ros.networks.deployed import NETWORKS, build
from hand_pose_ros.runtimes.torch_runtime import read_module
from hand_pose_ros.training.export import MAX_DIFFERENCE, export_onnx
from hand_pose_ros.training.tasks import read_task

MODELS = Path(__file__).parents[2] / 'config' / 'models'
TASKS = {task.recipe.network: task for task in map(read_task, sorted(MODELS.glob('*.yaml')))}
PLANS = [(network, plan) for network, (_, plans) in NETWORKS.items() for plan in plans]
# The papers' own sizes are for GPUs, but for one; their layers are those of the others.
EXPORTED = [
    (network, plan)
    for network, plan in PLANS
    if network == 'mobile_keypoints' or not plan.startswith('full')
]

# Million parameters, and billion multiply-adds at the plan's input size. docs: the papers' texts
# and timings fit 18.3 and 23.2 for srhandnet, 11.5 and 0.48 for the hourglass (without our side),
# 4.0 and 1.0 for mobile_keypoints, 36.7 and 103.0 for mask_pose, 31.0 and 48.2 for skeleton_unet,
# 4.1 and 9.8 for skeleton_multiscale (with a projection beside every residual block; beside equal
# channels we have none). For hand_presence it is the 4.65 of EfficientNet-Lite0 less 0.60 of its
# last block, 0.41 of its head and 1.28 of its classifier.
SIZES = {
    ('srhandnet', 'full'): (18.292, 23.251),
    ('srhandnet', 'light'): (4.800, 3.218),
    ('srhandnet', 'nano'): (1.958, 1.089),
    ('local_regression_hourglass', 'full'): (11.426, 0.4755),
    ('local_regression_hourglass', 'small'): (4.172, 0.1860),
    ('local_regression_hourglass', 'small_global'): (3.680, 0.1855),
    ('mobile_keypoints', 'full'): (3.961, 1.041),
    ('mobile_keypoints', 'full_112'): (3.961, 0.2603),
    ('mobile_keypoints', 'slim'): (1.023, 0.0702),
    ('mask_pose', 'full'): (36.747, 103.007),
    ('mask_pose', 'full_no_mask'): (36.617, 102.733),
    ('mask_pose', 'slim'): (0.7786, 0.3383),
    ('mask_pose', 'slim_no_mask'): (0.7673, 0.3355),
    ('skeleton_unet', 'full'): (31.038, 48.167),
    ('skeleton_unet', 'slim'): (0.4866, 0.4306),
    ('skeleton_multiscale', 'full'): (4.026, 9.547),
    ('skeleton_multiscale', 'full_no_skeleton'): (4.026, 9.547),
    ('skeleton_multiscale', 'full_single_scale'): (4.013, 9.497),
    ('skeleton_multiscale', 'slim'): (0.2898, 0.2808),
    ('skeleton_multiscale', 'slim_no_skeleton'): (0.2898, 0.2808),
    ('skeleton_multiscale', 'slim_single_scale'): (0.2867, 0.2738),
    ('hand_presence', 'lite0'): (2.354, 0.0614),
}
# Fully connected layers fix the size of their input.
SMALL = {'local_regression_hourglass': 128}


def training_inputs(network, size, batch=2):
    if network == 'local_regression_hourglass':
        return (torch.rand(batch, size, size) * 2 - 1,)
    image = torch.rand(batch, 3, size, size) - 0.5
    if network == 'skeleton_multiscale':
        return image, torch.rand(batch, size, size)
    return (image,)


def output_shapes(network, plan, size):
    """What a plan answers to one picture."""

    def maps(channels, *strides):
        return [(1, channels, size // stride, size // stride) for stride in strides]

    shapes = {
        'srhandnet': maps(26, 16, 16, 8, 4),
        'local_regression_hourglass': [(1, 21, 3), (1,)],
        'mobile_keypoints': maps(22, 4),
        'mask_pose': maps(2, 8) + maps(22, 8, 8, 8, 8, 8),
        'skeleton_unet': [(1, size, size)],
        'skeleton_multiscale': maps(21, 2, 4, 2, 1, 1),
        'hand_presence': [(1,)],
    }[network]
    if plan.endswith('no_mask'):
        return shapes[1:]
    return shapes[-1:] if plan.endswith('single_scale') else shapes


@pytest.mark.parametrize(('network', 'plan'), PLANS)
def test_every_plan_has_the_stated_outputs_and_size(network, plan):
    size = NETWORKS[network][1][plan].input_size
    with torch.device('meta'), torch.no_grad(), FlopCounterMode(display=False) as counter:
        net = build(network, plan).eval()
        outputs = net(*training_inputs(network, size, batch=1))
    assert [tuple(each.shape) for each in outputs] == output_shapes(network, plan, size)
    parameters = sum(p.numel() for p in net.parameters())
    found = (parameters / 1e6, counter.get_total_flops() / 2e9)
    assert found == pytest.approx(SIZES[network, plan], rel=0.005)


@pytest.mark.parametrize(('network', 'plan'), PLANS)
def test_the_gradient_reaches_every_parameter_that_is_trained(network, plan):
    torch.manual_seed(0)
    net = build(network, plan)
    outputs = net(*training_inputs(network, SMALL.get(network, 64)))
    sum(output.square().mean() for output in outputs).backward()
    lost = [
        name
        for name, p in net.named_parameters()
        if p.requires_grad and (p.grad is None or p.grad.abs().sum() == 0)
    ]
    assert lost == []


@pytest.mark.parametrize(('network', 'plan'), EXPORTED)
def test_the_exported_file_is_small_says_the_same_and_keeps_the_weights(network, plan, tmp_path):
    task = TASKS[network]
    task = type(task)(replace(task.recipe, plan=plan))
    torch.manual_seed(0)
    weights = build(network, plan).state_dict()
    file = tmp_path / 'model.onnx'
    assert export_onnx(weights, task, file) <= MAX_DIFFERENCE
    assert file.stat().st_size < 50e6
    numbers = sum(value.numel() for value in weights.values())
    # Two bytes a number, but for norms and biases, and the names of the layers.
    assert file.stat().st_size < 2.2 * numbers + 100e3
    module, spec = read_module(file)
    assert spec == task.spec
    for name, value in module.net.state_dict().items():
        rounding = 2**-11 if value.ndim >= 2 else 0
        torch.testing.assert_close(value, weights[name], rtol=rounding, atol=rounding * 1e-4)
