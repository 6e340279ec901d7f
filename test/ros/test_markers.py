import dataclasses

import numpy as np
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from hand_pose_ros.ros.markers import BONES_ID, JOINTS_ID, markers_from_hands
from hand_pose_ros.skeleton import BONES

HEADER = Header(frame_id='optical')


def by_key(markers):
    return {(each.ns, each.id): each for each in markers.markers}


def test_a_hand_is_twenty_bones_and_twenty_one_joints_in_the_frame_of_the_image(hand):
    markers, shown = markers_from_hands((hand('7'),), HEADER, ())
    found = by_key(markers)
    bones, joints = found['7', BONES_ID], found['7', JOINTS_ID]
    assert (bones.type, len(bones.points), len(bones.colors)) == (Marker.LINE_LIST, 40, 40)
    assert (joints.type, len(joints.points), len(joints.colors)) == (Marker.SPHERE_LIST, 21, 21)
    assert bones.header == joints.header == HEADER
    assert joints.points[8].z == hand('7').joints_cam[8, 2]
    assert bones.lifetime.nanosec > 0
    assert bones.pose.orientation.w == 1.0
    assert shown == {'7'}


def test_unknown_joints_are_left_out_with_their_bones(hand):
    joints_cam = hand().joints_cam.copy()
    joints_cam[8] = np.nan
    joints_cam[5, 2] = np.nan
    partial = dataclasses.replace(hand('7'), joints_cam=joints_cam)
    markers, _ = markers_from_hands((partial,), HEADER, ())
    found = by_key(markers)
    known_bones = sum(not {5, 8} & set(bone) for bone in BONES)
    assert len(found['7', JOINTS_ID].points) == 19
    assert len(found['7', BONES_ID].points) == 2 * known_bones
    coordinates = [(p.x, p.y, p.z) for each in found.values() for p in each.points]
    assert np.isfinite(coordinates).all()


def test_a_hand_that_goes_is_deleted_once(hand):
    _, shown = markers_from_hands((hand('1'), hand('2')), HEADER, ())
    markers, shown = markers_from_hands((hand('2'),), HEADER, shown)
    deleted = {key for key, each in by_key(markers).items() if each.action == Marker.DELETE}
    assert deleted == {('1', BONES_ID), ('1', JOINTS_ID)}
    markers, shown = markers_from_hands((hand('2'),), HEADER, shown)
    assert {ns for ns, _ in by_key(markers)} == {'2'}


def test_a_hand_without_any_position_is_not_shown(hand):
    flat = dataclasses.replace(hand('1'), joints_cam=np.full((21, 3), np.nan, np.float32))
    markers, shown = markers_from_hands((flat,), HEADER, {'1'})
    assert shown == frozenset()
    assert {each.action for each in markers.markers} == {Marker.DELETE}


def test_a_lone_joint_has_no_bones(hand):
    joints_cam = np.full((21, 3), np.nan, np.float32)
    joints_cam[0] = 0.5
    lone = dataclasses.replace(hand('1'), joints_cam=joints_cam)
    found = by_key(markers_from_hands((lone,), HEADER, ())[0])
    assert found['1', BONES_ID].action == Marker.DELETE
    assert len(found['1', JOINTS_ID].points) == 1


def test_hands_without_ids_are_told_apart_by_their_place(hand):
    _, shown = markers_from_hands((hand(''), hand('')), HEADER, ())
    assert len(shown) == 2
