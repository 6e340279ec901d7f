"""The renderer that the tests of this folder share: loading it takes seconds."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from hand_pose_ros.data.rendering.hand_model import HandModel
from hand_pose_ros.data.rendering.render import HandRenderer


@pytest.fixture(scope='session')
def assets_dir(shared_dir: Path) -> Path:
    folder = Path(os.environ.get('HAND_POSE_ASSETS', shared_dir / 'data' / 'hand_assets'))
    if not folder.is_dir():
        pytest.skip(f'no hand assets at {folder}')
    return folder


@pytest.fixture(scope='session')
def make_renderer(assets_dir: Path) -> Callable[[str], HandRenderer]:
    rng = np.random.default_rng(0)
    photo = cv2.resize(rng.integers(0, 255, (9, 12, 3), np.uint8), (320, 240))
    panorama = np.full((64, 128, 3), 0.3, np.float32)
    panorama[10:14, 30:34] = 60.0
    return partial(HandRenderer, assets_dir, backgrounds=[photo], panoramas=[panorama])


@pytest.fixture(scope='session')
def renderer(make_renderer: Callable[[str], HandRenderer]) -> HandRenderer:
    return make_renderer('cpu')


@pytest.fixture(scope='session')
def model(renderer: HandRenderer) -> HandModel:
    return renderer.model
