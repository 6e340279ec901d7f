"""The SRHandNet of the paper and its smaller plans."""

import pytest
import torch

from hand_pose_ros.networks.srhandnet import NUM_MAPS, PLANS, STRIDES, SRHandNet
from hand_pose_ros.training.losses import weighted_loss


def multiply_adds(net, size):
    total = 0

    def count(module, _, output):
        nonlocal total
        total += module.weight.numel() * output.shape[2] * output.shape[3]

    hooks = [
        module.register_forward_hook(count)
        for module in net.modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    with torch.no_grad():
        net.eval()(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return total


# docs: `full` is the paper's network, whose text and timing fit 18.3 M and 23.2 GMAC at 352.
@pytest.mark.parametrize(
    ('plan', 'million_parameters', 'giga_multiply_adds'),
    [('full', 18.29, 23.25), ('light', 4.80, 3.22), ('nano', 1.96, 1.09)],
)
def test_plans_have_the_stated_size(plan, million_parameters, giga_multiply_adds):
    net = SRHandNet(PLANS[plan])
    parameters = sum(p.numel() for p in net.parameters())
    assert parameters / 1e6 == pytest.approx(million_parameters, rel=0.005)
    macs = multiply_adds(net, PLANS[plan].input_size)
    assert macs / 1e9 == pytest.approx(giga_multiply_adds, rel=0.005)


@pytest.mark.parametrize('plan', PLANS)
def test_four_heads_at_their_strides(plan):
    outputs = SRHandNet(PLANS[plan])(torch.zeros(2, 3, 96, 64))
    assert [tuple(o.shape) for o in outputs] == [(2, NUM_MAPS, 96 // t, 64 // t) for t in STRIDES]


@pytest.mark.parametrize('plan', PLANS)
def test_the_gradient_reaches_every_parameter(plan):
    net = SRHandNet(PLANS[plan])
    outputs = net(torch.rand(2, 3, 64, 64))
    sum(output.square().mean() for output in outputs).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_one_batch_is_learnt_by_heart():
    torch.manual_seed(0)
    net = SRHandNet(PLANS['nano'])
    image = torch.rand(2, 3, 64, 64) - 0.5
    targets = [torch.rand(2, NUM_MAPS, 64 // t, 64 // t) for t in STRIDES]
    optimiser = torch.optim.AdamW(net.parameters(), 5e-3)
    losses = []
    for _ in range(60):
        loss = weighted_loss(net(image), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.15 * losses[0]
