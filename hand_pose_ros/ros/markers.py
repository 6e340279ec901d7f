"""Hands as RViz markers: bones as lines, joints as spheres."""

from collections.abc import Iterable, Sequence

import numpy as np
from geometry_msgs.msg import Point, Vector3
from rclpy.duration import Duration
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from hand_pose_ros.pipeline.drawing import keypoint_colours
from hand_pose_ros.skeleton import BONES
from hand_pose_ros.types import Hand

BONES_ID = 0
JOINTS_ID = 1

BONE_WIDTH_M = 0.004
JOINT_DIAMETER_M = 0.01

LIFETIME = Duration(seconds=0.5).to_msg()
"""A few frames: what a node that stopped has left behind goes away by itself."""

COLOURS = [
    ColorRGBA(r=r / 255, g=g / 255, b=b / 255, a=1.0) for r, g, b in keypoint_colours().tolist()
]


def markers_from_hands(
    hands: Sequence[Hand], header: Header, shown: Iterable[str]
) -> tuple[MarkerArray, frozenset[str]]:
    """Draws every joint whose position is known, and takes back what is gone.

    Args:
        hands: The hands of one frame; their ids become the markers' namespaces.
        header: Header of the RGB image, in whose optical frame the joints lie.
        shown: Namespaces that the last call has returned.

    Returns:
        The markers, and the namespaces that are shown now.
    """
    markers: list[Marker] = []
    # Hands without a track have no id of their own: their place in the frame stands for it.
    named = {hand.id or f'untracked_{place}': hand for place, hand in enumerate(hands)}
    visible = {ns: hand for ns, hand in named.items() if np.isfinite(hand.joints_cam).any()}
    for ns, hand in visible.items():
        markers += _hand_markers(ns, hand, header)
    for ns in sorted(set(shown) - visible.keys()):
        markers += [
            Marker(header=header, ns=ns, id=each, action=Marker.DELETE)
            for each in (BONES_ID, JOINTS_ID)
        ]
    return MarkerArray(markers=markers), frozenset(visible)


def _hand_markers(ns: str, hand: Hand, header: Header) -> list[Marker]:
    known = np.all(np.isfinite(hand.joints_cam), axis=1)
    points = [Point(x=x, y=y, z=z) for x, y, z in hand.joints_cam.tolist()]
    bones = Marker(header=header, ns=ns, id=BONES_ID, type=Marker.LINE_LIST, lifetime=LIFETIME)
    bones.scale.x = BONE_WIDTH_M
    for parent, child in BONES:
        if known[parent] and known[child]:
            bones.points += [points[parent], points[child]]
            bones.colors += [COLOURS[child], COLOURS[child]]
    joints = Marker(header=header, ns=ns, id=JOINTS_ID, type=Marker.SPHERE_LIST, lifetime=LIFETIME)
    joints.scale = Vector3(x=JOINT_DIAMETER_M, y=JOINT_DIAMETER_M, z=JOINT_DIAMETER_M)
    joints.points = [points[i] for i in np.flatnonzero(known)]
    joints.colors = [COLOURS[i] for i in np.flatnonzero(known)]
    if not bones.points:
        bones.action = Marker.DELETE
    return [bones, joints]
