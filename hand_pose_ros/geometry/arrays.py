"""Checks of array shapes at the border of a module."""

from typing import Any

from numpy.typing import NDArray


def check_shape(name: str, array: NDArray[Any], shape: tuple[int | None, ...]) -> None:
    """Refuses an array of another shape.

    Args:
        name: What to call the array in the message.
        array: The array to look at.
        shape: Expected length of each axis; None for any length.

    Raises:
        ValueError: The array has another number of axes, or an axis of another length.
    """
    fits = array.ndim == len(shape) and all(
        expected in (None, got) for expected, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        expected_text = ', '.join('any' if length is None else str(length) for length in shape)
        raise ValueError(f'{name} must have shape ({expected_text}), got {array.shape}')
