"""What holds for every task: its own loss teaches its network, on its own samples."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from depth_set import write_set
from photo_set import PHOTOS, write_photos

from hand_pose_ros.networks.deployed import NETWORKS, build
from hand_pose_ros.training.tasks import TASKS, read_task

MODELS = Path(__file__).parents[2] / 'config' / 'models'
SCENES = {'scene_size': 96, 'scene_batch': 2, 'region_size': 96, 'region_batch': 2}

# The recipe of the smallest plan of each network, and what makes its data and batches small.
SMALL = {
    'srhandnet_nano': PHOTOS | SCENES,
    'local_regression_hourglass_small': {'renders': ('renders',), 'batch': 2},
    'skeleton_unet_slim': PHOTOS | SCENES,
    'skeleton_multiscale_slim': PHOTOS | {'region_batch': 2},
    'mobile_keypoints_slim': PHOTOS | {'batch': 2},
    'mask_pose_slim': PHOTOS | {'batch': 2},
    'hand_presence': PHOTOS | {'batch': 2},
}
MOST_STEPS = 200


def small_task(stem, folder, **changes):
    task = read_task(MODELS / f'{stem}.yaml')
    small = type(task)(replace(task.recipe, **SMALL[stem], **changes))
    small.load(folder)
    return small


# Ablations, too; what is only trained on GPUs has the same layers.
PLANS = [
    (stem, plan)
    for stem in SMALL
    for plan in NETWORKS[read_task(MODELS / f'{stem}.yaml').recipe.network][1]
    if not plan.startswith('full')
]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = write_photos(tmp_path_factory.mktemp('data'))
    write_set(path / 'renders')
    return path


def test_every_network_is_here():
    assert {read_task(MODELS / f'{stem}.yaml').recipe.network for stem in SMALL} == set(TASKS)


@pytest.mark.parametrize('stem', SMALL)
def test_one_batch_is_learnt_by_heart(stem, folder):
    task = small_task(stem, folder)
    inputs, targets = task.batch(0, 0)
    torch.manual_seed(0)
    net = build(task.recipe.network, task.recipe.plan)
    optimiser = torch.optim.AdamW(net.parameters(), task.recipe.learning_rate)
    first = None
    for _ in range(MOST_STEPS):
        outputs = net(*inputs)
        loss = task.loss(outputs, targets)
        first = first or loss.item()
        # An answer that suits both samples costs the same when they are exchanged.
        exchanged = task.loss([output.flip(0) for output in outputs], targets).item()
        if loss.item() < min(first / 10, exchanged / 3):
            return
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    pytest.fail(f'from {first:.3g} to {loss.item():.3g}, exchanged {exchanged:.3g}')


@pytest.mark.parametrize(('stem', 'plan'), PLANS)
def test_the_loss_reaches_every_parameter(stem, plan, folder):
    task = small_task(stem, folder, plan=plan)
    inputs, targets = task.batch(0, 0)
    torch.manual_seed(0)
    net = build(task.recipe.network, plan)
    task.loss(net(*inputs), targets).backward()
    lost = [
        name
        for name, p in net.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.any())
    ]
    assert lost == []
