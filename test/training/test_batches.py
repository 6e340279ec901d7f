"""Batches are the same whoever makes them, and whenever."""

import pytest
import torch

from hand_pose_ros.training.batches import batches


class Counting:
    """Samples that say whose they are, and one value for all of them."""

    def batch(self, step, rank):
        samples = torch.tensor([[step, rank, 0], [step, rank, 1]])
        return [samples], [samples[:, 0], torch.tensor(float(step))]


@pytest.mark.parametrize('workers', [0, 2])
def test_a_step_sees_the_samples_of_all_its_ranks_in_order(workers):
    steps = list(batches(Counting(), range(5, 12), range(2), workers))
    assert len(steps) == 7
    for step, ((samples,), (firsts, common)) in zip(range(5, 12), steps, strict=True):
        wanted = [[step, rank, sample] for rank in range(2) for sample in range(2)]
        assert samples.tolist() == wanted
        assert firsts.tolist() == [step] * 4
        assert common == step


def test_what_goes_wrong_in_a_worker_is_told():
    class Broken(Counting):
        def batch(self, step, rank):
            raise ValueError(f'no sample of {step}')

    with pytest.raises(ValueError, match='no sample of 3'):
        list(batches(Broken(), range(3, 5), range(1), 1))
