"""Light, colours and sharpness of training pictures, as rooms and cameras vary them."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hand_pose_ros.data.pictures import encode_jpeg


def photometric(rng: Generator, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Varies light, colour and sharpness of an (H, W, 3) float32 R, G, B picture, 0..255."""
    unit: NDArray[np.float32] = np.clip(image / 255, 0, 1)
    if rng.random() < 0.5:
        unit = unit ** np.float32(np.exp(rng.uniform(-0.7, 0.7)))
    low, high = (-1.6, -0.4) if rng.random() < 0.12 else (-0.4, 0.25)
    gains = np.exp(rng.normal(0, 0.12, 3) + rng.uniform(low, high)).astype(np.float32)
    unit = unit * gains
    grey = unit.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.08 else rng.uniform(0.5, 1.4)
    unit = grey + np.float32(saturation) * (unit - grey)
    unit = _blur(rng, unit)
    if rng.random() < 0.4:
        sigma = rng.uniform(0, 0.06)
        unit = unit + np.float32(sigma) * rng.standard_normal(unit.shape, np.float32)
    image = np.clip(unit * np.float32(255), 0, 255)
    if rng.random() < 0.25:
        return compressed(image.astype(np.uint8), int(rng.integers(25, 90))).astype(np.float32)
    return image


def compressed(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Sends an (H, W, 3) picture through JPEG of a quality, 0..100."""
    code = np.frombuffer(encode_jpeg(rgb, quality), np.uint8)
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]


def _blur(rng: Generator, unit: NDArray[np.float32]) -> NDArray[np.float32]:
    kind = rng.random()
    if kind < 0.3:
        return cv2.GaussianBlur(unit, (0, 0), rng.uniform(0.3, 1.6))
    if kind < 0.4:
        length = int(rng.integers(2, 8))
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi)
        reach = 0.5 * length * np.array([np.cos(angle), np.sin(angle)])
        middle = (length - 1) / 2
        start, end = np.rint(middle - reach).astype(int), np.rint(middle + reach).astype(int)
        cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
        return cv2.filter2D(unit, -1, kernel / kernel.sum())
    return unit


def relit(rng: Generator, colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shows a cut-out, (H, W, 3) 0..255, in another light than its background: more skins."""
    gamma = np.float32(np.exp(rng.normal(0, 0.2)))
    gains = np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.06, 3)).astype(np.float32)
    lit: NDArray[np.float32] = np.float32(255) * (colours / np.float32(255)) ** gamma * gains
    return np.clip(lit, 0, 255)
