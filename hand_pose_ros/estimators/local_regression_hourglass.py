"""The local regression hourglass from a depth image to the joints of its hands, in metres."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.codecs.depth_crop import (
    EMPTY,
    MIRRORED,
    CropView,
    decode_joints,
    encode_depth,
    find_centre,
    look_at,
    upright_roll,
)
from hand_pose_ros.geometry.camera import project, unproject
from hand_pose_ros.geometry.depth import depth_tolerance_m
from hand_pose_ros.runtimes.base import (
    CROP_NAME,
    JOINTS_NAME,
    SIDE_NAME,
    DepthSpec,
    Runtime,
    spec_of,
)
from hand_pose_ros.skeleton import NUM_KEYPOINTS
from hand_pose_ros.types import Camera, Hand, no_joints

MIN_MEASURED = 7
"""With fewer measured joints their median says less of the hand's distance than its whole box."""

MIN_SHOWN = 0.02
"""Share of a crop of 30 cm, 18 cm2: a fist fills 0.07."""

WALL_SHARE = 0.4
FLAT_SHARE = 0.95
"""A surface that fills more of the crop than any hand, and is a plane but for less than a fist."""

TURNED_RAD = 0.4
"""A hand turned farther than this is read better upright; keypoints tell that less well."""

FLAT_STRIDE = 4
"""Every so many pixels of a crop are looked at, along both axes, to tell whether it is flat."""


@dataclass(frozen=True)
class DepthReading:
    """What the network says of a hand.

    Attributes:
        joints_cam: (21, 3) float32 metres in the optical frame, the joints' middles and not the
            skin before them; NaN where refused.
        side: -1 (left) to +1 (right); 0 where refused.
        refusal: Why there are none; empty where there are.
        is_no_hand: What the depth shows cannot be a hand, so what was measured on it is none, too.
    """

    joints_cam: NDArray[np.float32] = field(default_factory=no_joints)
    side: float = 0.0
    refusal: str = ''
    is_no_hand: bool = False


@dataclass(frozen=True)
class _CutOut:
    """A hand's (S, S) crop, and where it lies."""

    crop: NDArray[np.float32]
    view: CropView


class LocalRegressionHourglassEstimator:
    """Reads the joints of hands from the depth around them."""

    def __init__(self, runtime: Runtime) -> None:
        """Takes a runtime.

        Raises:
            ValueError: It executes another network, or one for other joints.
        """
        self._runtime = runtime
        self._spec = spec_of(runtime, DepthSpec)
        if self._spec.joints != NUM_KEYPOINTS:
            raise ValueError(
                f'the depth network must know {NUM_KEYPOINTS} joints, got {self._spec.joints}'
            )

    def read(
        self,
        depth_m: NDArray[np.floating],
        camera: Camera,
        hands: Sequence[Hand],
        cube_m: float = 0.0,
    ) -> list[DepthReading]:
        """Reads the joints of all hands of a frame in one batch.

        Args:
            depth_m: (H, W) floats, metres along z; what is not positive is not measured.
            camera: Intrinsics of the image.
            hands: Hands with keypoints, box, and the joints that could be measured.
            cube_m: Side of the cube around a hand that is looked at, metres: a smaller one shows
                small hands as large as those of the training. 0 for that of the training.

        Returns:
            A reading for each hand, refused where the depth shows none. Each is read a second
            time, mirrored. Of a hand whose own joints point elsewhere than its keypoints the
            second reading counts, which is upright by the joints of the first; of others the mean.
        """
        centres_cam = [_centre(depth_m, camera, hand) for hand in hands]
        rolls = np.array([upright_roll(hand.keypoints_px) for hand in hands])
        cube_m = cube_m or self._spec.cube_m
        cuts = [
            self._cut_out(depth_m, camera, centre_cam, roll_rad, cube_m)
            for centre_cam, roll_rad in zip(centres_cam, rolls, strict=True)
        ]
        first = self._ask(cuts, mirrored=False)
        own = np.array([upright_roll(project(each.joints_cam, camera)) for each in first])
        turned = np.abs((own - rolls + np.pi) % (2 * np.pi) - np.pi) > TURNED_RAD
        turned &= np.array([not reading.refusal for reading in first], bool)
        for index in np.flatnonzero(turned):
            cuts[index] = self._cut_out(depth_m, camera, centres_cam[index], own[index], cube_m)
        second = self._ask(cuts, mirrored=True)
        return [
            before if after.refusal else after if is_turned else _mean(before, after)
            for before, after, is_turned in zip(first, second, turned, strict=True)
        ]

    def _cut_out(
        self,
        depth_m: NDArray[np.floating],
        camera: Camera,
        centre_cam: NDArray[np.float64] | None,
        roll_rad: float,
        cube_m: float,
    ) -> _CutOut | DepthReading:
        """Cuts out what is around a centre, or says why there is no hand.

        The crop cameras are as in training: see `data.depth_hands.DepthHand`.
        """
        if centre_cam is None:
            return DepthReading(refusal='no depth in its box that fits its size')
        if np.isnan(centre_cam).any():
            return DepthReading(refusal='the calibration has no direction for its middle')
        view = look_at(centre_cam, cube_m, self._spec.input_size, float(roll_rad))
        crop = encode_depth(depth_m, camera, view)
        shown = np.abs(crop) < EMPTY
        if shown.mean() < MIN_SHOWN:
            return DepthReading(refusal='too little depth around it')
        if shown.mean() > WALL_SHARE and _is_flat(crop, view):
            return DepthReading(refusal='a flat surface', is_no_hand=True)
        return _CutOut(crop, view)

    def _ask(self, cuts: Sequence[_CutOut | DepthReading], mirrored: bool) -> list[DepthReading]:
        """Reads all that was cut out in one batch; a mirrored answer is mirrored back."""
        shown = [cut for cut in cuts if isinstance(cut, _CutOut)]
        if not shown:
            return [cut for cut in cuts if isinstance(cut, DepthReading)]
        crops = [cut.crop[:, ::-1] if mirrored else cut.crop for cut in shown]
        outputs = self._runtime.run({CROP_NAME: np.stack(crops)})
        joints, sides = outputs[JOINTS_NAME], outputs[SIDE_NAME]
        if mirrored:
            joints, sides = joints * MIRRORED, -sides
        answers = zip(joints, sides, strict=True)
        return [
            _reading(*next(answers), cut.view) if isinstance(cut, _CutOut) else cut for cut in cuts
        ]


def _reading(values: NDArray[np.float32], side: np.float32, view: CropView) -> DepthReading:
    """Turns an answer of the network into metres."""
    if not (np.isfinite(values).all() and np.isfinite(side)):
        return DepthReading(refusal='the depth network answers with NaN')
    joints_cam = decode_joints(values, view).astype(np.float32)
    return DepthReading(joints_cam, float(np.clip(side, -1, 1)))


def _mean(first: DepthReading, second: DepthReading) -> DepthReading:
    """Puts two readings of a hand together."""
    joints_cam = (first.joints_cam + second.joints_cam) / 2
    return DepthReading(joints_cam.astype(np.float32), (first.side + second.side) / 2)


def _centre(
    depth_m: NDArray[np.floating], camera: Camera, hand: Hand
) -> NDArray[np.float64] | None:
    """Returns the (3,) middle of a hand in metres; None where there is too little depth."""
    points_px = hand.keypoints_px[np.isfinite(hand.keypoints_px).all(axis=1)]
    measured_m = hand.joints_cam[np.isfinite(hand.joints_cam[:, 2]), 2]
    if len(measured_m) < MIN_MEASURED or len(points_px) == 0:
        return find_centre(depth_m, camera, hand)
    middle_px = (points_px.min(axis=0) + points_px.max(axis=0)) / 2
    return unproject(middle_px[None], np.median(measured_m)[None], camera)[0]


def _is_flat(crop: NDArray[np.float32], view: CropView) -> bool:
    """Says whether nearly all that a crop shows is one plane, up to the noise of depth cameras."""
    values = crop[::FLAT_STRIDE, ::FLAT_STRIDE]
    rows, columns = np.nonzero(np.abs(values) < EMPTY)
    depths_m = view.distance_m + values[rows, columns] * np.float64(view.cube_m / 2)
    # Of a plane, one over depth is linear in pixels.
    basis: NDArray[np.float64] = np.column_stack((rows, columns, np.ones(len(rows))))
    plane = np.linalg.pinv(basis) @ (1 / depths_m)
    gaps_m = np.abs(1 / (basis @ plane) - depths_m)
    return bool((gaps_m <= depth_tolerance_m(depths_m)).mean() >= FLAT_SHARE)
