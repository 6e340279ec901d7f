"""Rendered pictures that are made while a network trains on them, and never again.

Composing a sample takes less time than rendering what it is composed of. So there is a pool, out
of which each picture makes some samples before it gives way to a new one.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np

from hand_pose_ros.data.depth_hands import DepthHands, usable_hands
from hand_pose_ros.data.pictures import Picture, labelled_picture
from hand_pose_ros.data.rendering.render import RenderedBatch
from hand_pose_ros.data.synth_dataset import (
    Recipe,
    Render,
    in_millimetres,
    label_rendered,
    measured_depth,
)

Content = TypeVar('Content')

POOL = 256
AT_ONCE = 16
"""Pictures rendered together, and how many batches are drawn from the pool in between."""
FIRST_INDEX = 1 << 40
"""Fresh pictures are those of the recipe's set from here on: no set that is written is so long."""


class FreshRenders(Generic[Content]):
    """The pool of one process.

    What it holds depends on the steps and ranks that it was asked for: a run that is resumed goes
    on with other pictures than it would have.
    """

    def __init__(
        self,
        recipe: Recipe,
        render: Render,
        make: Callable[[Recipe, int, RenderedBatch, int], Content | None],
    ) -> None:
        """Takes a recipe; nothing is rendered yet.

        Args:
            recipe: What to render.
            render: Renders scenes from their seeds, such as HandRenderer.render.
            make: Makes what is trained on, `fresh_picture` or `fresh_depth`, of the recipe, the
                index of the picture in the set, and a row of what was rendered; None where
                nothing can be learnt from it.
        """
        self.recipe = recipe
        self._render, self._make = render, make
        self._pool: list[Content] = []
        self._asked = 0

    def at(self, step: int, rank: int) -> list[Content]:
        """Returns the pool for a batch, after rendering if it is time to.

        Args:
            step: As `Task.batch` takes it.
            rank: As `Task.batch` takes it.

        Raises:
            ValueError: The recipe renders nothing that can be learnt from.
        """
        if self._asked % AT_ONCE == 0:
            first = FIRST_INDEX + int(np.random.default_rng((step, rank)).integers(FIRST_INDEX))
            count = AT_ONCE if self._pool else POOL
            new = self._rendered(range(first, first + count))
            self._pool = (self._pool + new)[-POOL:]
            if not self._pool:
                raise ValueError(f'none of {count} rendered pictures shows a hand well enough')
        self._asked += 1
        return self._pool

    def held_out(self, share: float) -> list[Content]:
        """Renders the last scenes of the set that the recipe describes, to validate on.

        Each as it comes out first: those with too few hands are not drawn again.

        Args:
            share: How many of all of them.
        """
        count = self.recipe.count
        return self._rendered(range(round(count * (1 - share)), count))

    def _rendered(self, indices: range) -> list[Content]:
        recipe = self.recipe
        batch = self._render(recipe.scene, [recipe.seed + index for index in indices])
        made = [self._make(recipe, index, batch, row) for row, index in enumerate(indices)]
        return [content for content in made if content is not None]


def fresh_picture(recipe: Recipe, index: int, batch: RenderedBatch, row: int) -> Picture | None:
    """Makes the picture that `load_picture` would read if it had been written."""
    del recipe, index
    rgba = np.dstack((batch.rgb[row].cpu().numpy(), batch.alpha[row].cpu().numpy()))
    picture = labelled_picture(rgba, label_rendered(batch, row, '').hands)
    return picture if len(picture.keypoints_px) else None


def fresh_depth(recipe: Recipe, index: int, batch: RenderedBatch, row: int) -> DepthHands | None:
    """Makes the hands that `load_depth_hands` would read if they had been written."""
    label = label_rendered(batch, row, '')
    hands = usable_hands(label)
    if not hands:
        return None
    depth_m, sensor = measured_depth(recipe, index, batch, row, label)
    return DepthHands([in_millimetres(depth_m)], [replace(hand, sensor=sensor) for hand in hands])
