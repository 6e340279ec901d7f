import torch

from hand_pose_ros.data.rendering.draws import Draws, quaternion_matrix


def test_a_seed_draws_the_same_numbers_in_any_batch():
    together, alone = Draws([7, 8, 9]), Draws([8])
    assert torch.equal(together.uniform(100)[1], alone.uniform(100)[0])
    assert torch.equal(together.normal(3, 2)[1], alone.normal(3, 2)[0])
    assert torch.equal(together.fork(4).rotations(5)[1], alone.fork(4).rotations(5)[0])
    assert torch.equal(together.take(torch.tensor([1])).uniform(9), alone.uniform(9))


def test_each_call_and_each_fork_continues_with_new_numbers():
    draws = Draws([1])
    rows = [draws.uniform(1000), draws.uniform(1000), draws.fork(0).uniform(1000)]
    rows += [draws.fork(1).uniform(1000), Draws([2]).uniform(1000)]
    correlation = torch.corrcoef(torch.cat(rows)) - torch.eye(5)
    assert correlation.abs().max() < 0.12


def test_uniform_numbers_of_neighbouring_seeds_are_uniform_and_independent():
    rows = Draws(range(50_000)).uniform(3).T
    assert (rows.mean(1) - 0.5).abs().max() < 0.01
    assert (rows.std(1) - 12**-0.5).abs().max() < 0.01
    assert (torch.corrcoef(rows) - torch.eye(3)).abs().max() < 0.02
    assert (rows >= 0).all()
    assert (rows < 1).all()


def test_normal_numbers_have_the_mean_and_spread_asked_for():
    numbers = Draws([3]).normal(200_000, mean=2.0, std=0.5)
    assert abs(float(numbers.mean()) - 2.0) < 0.01
    assert abs(float(numbers.std()) - 0.5) < 0.01


def test_integers_include_both_ends_and_choices_follow_their_weights():
    draws = Draws([4])
    assert draws.integers(1000, low=2, high=4).unique().tolist() == [2, 3, 4]
    counts = draws.choice(60_000, weights=(1, 2, 3))[0].bincount() / 60_000
    assert torch.allclose(counts, torch.tensor((1 / 6, 1 / 3, 1 / 2)), atol=0.01)


def test_rotations_are_rotations_and_point_everywhere():
    turns = Draws([5]).rotations(20_000)[0]
    assert torch.allclose(turns @ turns.mT, torch.eye(3).expand_as(turns), atol=1e-5)
    assert torch.allclose(torch.linalg.det(turns), torch.ones(20_000), atol=1e-5)
    assert turns.mean(0).abs().max() < 0.02


def test_a_quarter_turn_about_z_takes_x_to_y():
    half = 0.5**0.5
    turn = quaternion_matrix(torch.tensor((0.0, 0.0, half, half)))
    assert torch.allclose(turn[:, 0], torch.tensor((0.0, 1.0, 0.0)), atol=1e-6)
