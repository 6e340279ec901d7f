"""Recipes of `hand-pose synth` in place of folders: rendered while a network trains on them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from hand_pose_ros.data.fresh_renders import Content, FreshRenders
from hand_pose_ros.data.rendering.render import HandRenderer, RenderedBatch
from hand_pose_ros.data.synth_dataset import Recipe, load_recipe

RECIPE_SUFFIX = '.yaml'
"""A name that ends so is the path of a recipe, all others are folders below `--data`."""


def folders_of(names: Sequence[str]) -> tuple[str, ...]:
    """Returns those names that are folders."""
    return tuple(name for name in names if not name.endswith(RECIPE_SUFFIX))


def open_renders(
    names: Sequence[str], make: Callable[[Recipe, int, RenderedBatch, int], Content | None]
) -> dict[str, FreshRenders[Content]]:
    """Makes a pool of fresh renders for each name that is a recipe.

    Args:
        names: Recipes, and folders.
        make: As `FreshRenders` takes it.

    Returns:
        The pools by name.

    Raises:
        FileNotFoundError: There is no such recipe, or no hand assets.
        ValueError: A recipe or an asset is not what it should be.
    """
    twice = {name for name in names if name.endswith(RECIPE_SUFFIX) and names.count(name) > 1}
    if twice:
        raise ValueError(f'recipes of renders must be named once, got twice: {sorted(twice)}')
    recipes = {name: load_recipe(Path(name)) for name in names if name.endswith(RECIPE_SUFFIX)}
    if not recipes:
        return {}
    renderer = HandRenderer(None)
    return {
        name: FreshRenders(recipe, renderer.render_for(recipe.colour), make)
        for name, recipe in recipes.items()
    }
