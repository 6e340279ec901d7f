import numpy as np
import pytest

from hand_pose_ros.geometry.arrays import check_shape


def test_any_length_stands_for_none():
    check_shape('points', np.zeros((7, 3)), (None, 3))


@pytest.mark.parametrize('shape', [(7, 2), (3,), (1, 7, 3)])
def test_another_shape_is_refused_with_what_was_expected_and_what_came(shape):
    with pytest.raises(ValueError, match='points must have shape') as error:
        check_shape('points', np.zeros(shape), (None, 3))
    assert '(any, 3)' in str(error.value)
    assert str(shape) in str(error.value)
