"""The generated messages: same numbers as the Python types, usable from Python and C++."""

import os
import subprocess
import sys

import pytest

from hand_pose_ros.skeleton import KEYPOINT_NAMES
from hand_pose_ros.types import PositionSource, Side

pytest.importorskip('rclpy')

from geometry_msgs.msg import Point
from rclpy.serialization import deserialize_message, serialize_message

from hand_pose_ros.msg import HandKeypoint, HandPose, HandPoseArray

CONSUMER_CMAKE = """
cmake_minimum_required(VERSION 3.20)
project(consumer CXX)
find_package(hand_pose_ros REQUIRED)
add_executable(consumer main.cpp)
target_link_libraries(consumer ${hand_pose_ros_TARGETS})
"""
CONSUMER_CPP = """
#include <iostream>
#include <hand_pose_ros/msg/hand_pose_array.hpp>

int main()
{
  using hand_pose_ros::msg::HandPose;
  hand_pose_ros::msg::HandPoseArray message;
  message.hands.resize(2);
  message.hands[1].keypoints[HandPose::LITTLE_TIP].position.z = 0.5;
  std::cout << message.hands[1].keypoints.size() << " keypoints, "
            << message.hands[1].keypoints.back().position.z << " m";
}
"""


def test_keypoint_constants_are_the_indices_of_the_skeleton():
    constants = [getattr(HandPose, name.upper()) for name in KEYPOINT_NAMES]
    assert constants == list(range(21))


@pytest.mark.parametrize(('message', 'enum'), [(HandPose, Side), (HandKeypoint, PositionSource)])
def test_constants_are_those_of_the_python_enum(message, enum):
    assert {name: getattr(message, name) for name in enum.__members__} == dict(enum.__members__)


def test_a_hand_has_21_keypoints():
    assert len(HandPose().keypoints) == len(KEYPOINT_NAMES) == 21


def test_a_message_survives_serialization():
    hand = HandPose(id='7', side=HandPose.LEFT, side_score=0.75, box_width=64.0)
    hand.keypoints[HandPose.INDEX_TIP] = HandKeypoint(
        u=319.5,
        v=12.25,
        score=0.5,
        position=Point(x=0.125, y=-0.25, z=0.5),
        position_source=HandKeypoint.MEASURED,
    )
    sent = HandPoseArray(hands=[hand, HandPose()])
    sent.header.frame_id = 'camera_color_optical_frame'
    assert deserialize_message(serialize_message(sent), HandPoseArray) == sent


def test_a_cpp_program_compiles_against_the_installed_messages(tmp_path):
    (tmp_path / 'CMakeLists.txt').write_text(CONSUMER_CMAKE)
    (tmp_path / 'main.cpp').write_text(CONSUMER_CPP)
    prefixes = os.environ['AMENT_PREFIX_PATH'].replace(os.pathsep, ';')
    configure = ['cmake', '-S', '.', '-B', '.', f'-DCMAKE_PREFIX_PATH={prefixes}']
    for command in (
        [*configure, f'-DPython3_EXECUTABLE={sys.executable}'],
        ['cmake', '--build', '.'],
    ):
        subprocess.run(command, cwd=tmp_path, check=True)
    printed = subprocess.run(
        [tmp_path / 'consumer'], check=True, stdout=subprocess.PIPE, text=True
    )
    assert printed.stdout == '21 keypoints, 0.5 m'
