"""A training run's material in small."""

from pathlib import Path

import pytest
import yaml
from photo_set import PHOTOS, write_photos

MODELS = Path(__file__).parents[2] / 'config' / 'models'


@pytest.fixture
def data(tmp_path):
    """Three photos to train on, three held out, and backgrounds, in a folder."""
    return write_photos(tmp_path)


@pytest.fixture
def recipe_path(tmp_path):
    """A recipe for `data`, in a file."""
    recipe = yaml.safe_load((MODELS / 'srhandnet_nano.yaml').read_text())
    recipe |= {name: list(value) for name, value in PHOTOS.items()}
    path = tmp_path / 'small.yaml'
    path.write_text(yaml.safe_dump(recipe))
    return path
