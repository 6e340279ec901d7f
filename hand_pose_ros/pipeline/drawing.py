"""Hands drawn over their image: mask, skeleton, box, id, side and scores."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs import mask
from hand_pose_ros.skeleton import BONES, FINGERS, NUM_KEYPOINTS
from hand_pose_ros.types import Hand, Side

FINGER_COLOURS = ((255, 99, 72), (255, 193, 48), (72, 207, 110), (66, 165, 255), (190, 110, 255))
"""RGB of the thumb, index, middle, ring and little finger."""

WRIST_COLOUR = (240, 240, 240)
SIDE_COLOURS = {
    Side.LEFT: (66, 165, 255),
    Side.RIGHT: (255, 138, 48),
    Side.UNKNOWN: (160, 160, 160),
}
SHADE = (24, 24, 24)
"""Colour under lines and text: it keeps them legible on skin and on a bright background."""

MASK_OPACITY = 0.35

SUBPIXEL_BITS = 4
"""OpenCV draws at fractions of a pixel; without it, a slow hand moves in steps."""

FONT = cv2.FONT_HERSHEY_DUPLEX


def keypoint_colours() -> NDArray[np.uint8]:
    """Returns the (21, 3) uint8 RGB colour of each keypoint."""
    colours = np.full((NUM_KEYPOINTS, 3), WRIST_COLOUR, np.uint8)
    for finger, colour in zip(FINGERS, FINGER_COLOURS, strict=True):
        colours[list(finger)] = colour
    return colours


def draw_hands(
    rgb: NDArray[np.uint8], hands: Sequence[Hand], skeletons_only: bool = False
) -> NDArray[np.uint8]:
    """Draws hands over an image.

    Args:
        rgb: (H, W, 3) uint8; left as it is.
        hands: The hands of this image. Keypoints that are not seen are left out.
        skeletons_only: Leave out masks, boxes and what is written beside them.

    Returns:
        (H, W, 3) uint8, the picture.
    """
    canvas = np.ascontiguousarray(rgb).copy()
    unit_px = max(1.0, min(rgb.shape[:2]) / 480)
    around = () if skeletons_only else hands
    for hand in around:
        _tint_mask(canvas, hand)
    for hand in around:
        _draw_box(canvas, hand, unit_px)
    for hand in hands:
        _draw_skeleton(canvas, hand, unit_px)
    for hand in around:
        _draw_label(canvas, hand, unit_px)
    return canvas


def label(hand: Hand) -> str:
    """Says what is known of a hand: `left 0.98  hand 0.91  #3`."""
    side = '' if hand.side is Side.UNKNOWN else f'{hand.side.name.lower()} {hand.side_score:.2f}  '
    return f'{side}hand {hand.score:.2f}' + (f'  #{hand.id}' if hand.id else '')


def _draw_skeleton(canvas: NDArray[np.uint8], hand: Hand, unit_px: float) -> None:
    seen = np.all(np.isfinite(hand.keypoints_px), axis=1)
    points = np.zeros((NUM_KEYPOINTS, 2), np.int32)
    points[seen] = np.rint(hand.keypoints_px[seen] * (1 << SUBPIXEL_BITS))
    colours = keypoint_colours().tolist()
    line_px, radius_px = _pen(hand, unit_px)
    bones = [bone for bone in BONES if seen[list(bone)].all()]
    for extra_px, shade in ((2, SHADE), (0, None)):
        for parent, child in bones:
            cv2.line(
                canvas,
                points[parent].tolist(),
                points[child].tolist(),
                shade or colours[child],
                line_px + extra_px,
                cv2.LINE_AA,
                SUBPIXEL_BITS,
            )
    for index in np.flatnonzero(seen):
        _draw_dot(canvas, points[index].tolist(), radius_px + 1.0, SHADE)
        # A doubtful keypoint is a ring: its middle is left dark.
        _draw_dot(canvas, points[index].tolist(), radius_px, colours[index])
        if hand.scores[index] < 0.5:
            _draw_dot(canvas, points[index].tolist(), radius_px * 0.5, SHADE)


def _pen(hand: Hand, unit_px: float) -> tuple[int, float]:
    """Returns line thickness and dot radius in pixels: a small hand must not drown in ink."""
    x0, y0, x1, y1 = hand.box_px.tolist()
    scale = float(np.clip(max(x1 - x0, y1 - y0) / (150 * unit_px), 0.4, 1.5)) * unit_px
    return max(1, round(2.2 * scale)), max(1.5, 3.6 * scale)


def _draw_dot(
    canvas: NDArray[np.uint8], centre: Sequence[int], radius_px: float, colour: Sequence[int]
) -> None:
    radius = round(radius_px * (1 << SUBPIXEL_BITS))
    cv2.circle(canvas, centre, radius, colour, cv2.FILLED, cv2.LINE_AA, SUBPIXEL_BITS)


def _tint_mask(canvas: NDArray[np.uint8], hand: Hand) -> None:
    """Tints the pixels that the estimator took for the hand's, if it tells."""
    if hand.mask is None:
        return
    height, width = canvas.shape[:2]
    inside = mask.to_image(hand.mask, (height, width)) >= mask.MASK_THRESHOLD
    colour = np.array(SIDE_COLOURS[hand.side])
    tinted = (1 - MASK_OPACITY) * canvas[inside] + MASK_OPACITY * colour
    canvas[inside] = np.rint(tinted).astype(np.uint8)


def _draw_box(canvas: NDArray[np.uint8], hand: Hand, unit_px: float) -> None:
    """Draws the corners of the box: a whole frame would hide the fingers that touch it."""
    x0, y0, x1, y1 = np.rint(hand.box_px).astype(int).tolist()
    arm = max(3, round(0.18 * min(x1 - x0, y1 - y0)))
    for extra_px, colour in ((2, SHADE), (0, SIDE_COLOURS[hand.side])):
        thickness = max(1, round(1.6 * unit_px)) + extra_px
        for x, y, dx, dy in ((x0, y0, 1, 1), (x1, y0, -1, 1), (x0, y1, 1, -1), (x1, y1, -1, -1)):
            corner = np.array([[x + dx * arm, y], [x, y], [x, y + dy * arm]], np.int32)
            cv2.polylines(canvas, [corner], False, colour, thickness, cv2.LINE_AA)


def _draw_label(canvas: NDArray[np.uint8], hand: Hand, unit_px: float) -> None:
    text = label(hand)
    accent, pad = max(2, round(2 * unit_px)), round(3 * unit_px)
    room = max(1, canvas.shape[1] - accent - 2 * pad)
    size, thickness = 0.42 * unit_px, max(1, round(0.8 * unit_px))
    (width, _), _ = cv2.getTextSize(text, FONT, size, thickness)
    size *= min(1.0, room / width)
    (width, height), baseline = cv2.getTextSize(text, FONT, size, thickness)
    tag_width, tag_height = accent + width + 2 * pad, height + baseline + 2 * pad
    x0, y0, _, y1 = np.rint(hand.box_px).astype(int).tolist()
    left = max(0, min(x0, canvas.shape[1] - tag_width))
    places = (y0 - tag_height - pad, y1 + pad + 1, y0)
    # Above the box, below it, or inside it: the first where the tag lies in the image.
    top = next((y for y in places if 0 <= y <= canvas.shape[0] - tag_height), 0)
    tag = canvas[top : top + tag_height, left : left + tag_width]
    tag[:] = (tag * 0.25 + np.array(SHADE) * 0.75).astype(np.uint8)
    tag[:, :accent] = SIDE_COLOURS[hand.side]
    origin = (left + accent + pad, top + pad + height)
    cv2.putText(canvas, text, origin, FONT, size, (255, 255, 255), thickness, cv2.LINE_AA)
