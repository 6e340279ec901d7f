"""The 21 keypoints of a hand, their bones, and which ones belong together.

Order of OneHand10K, CMU/OpenPose and MMPose: wrist, then thumb, index, middle, ring and little
finger, each from base to tip.
"""

from itertools import pairwise

KEYPOINT_NAMES = (
    'wrist',
    'thumb_cmc',
    'thumb_mcp',
    'thumb_ip',
    'thumb_tip',
    'index_mcp',
    'index_pip',
    'index_dip',
    'index_tip',
    'middle_mcp',
    'middle_pip',
    'middle_dip',
    'middle_tip',
    'ring_mcp',
    'ring_pip',
    'ring_dip',
    'ring_tip',
    'little_mcp',
    'little_pip',
    'little_dip',
    'little_tip',
)
NUM_KEYPOINTS = len(KEYPOINT_NAMES)
WRIST = 0

FINGER_NAMES = ('thumb', 'index', 'middle', 'ring', 'little')
FINGERS = tuple(tuple(range(base, base + 4)) for base in range(1, NUM_KEYPOINTS, 4))
"""Keypoint indices of each finger, base to tip."""

BONES = tuple(bone for finger in FINGERS for bone in ((WRIST, finger[0]), *pairwise(finger)))
"""(parent, child) keypoint indices, 20 of them, in the order of the children."""

DIP_JOINTS = (7, 11, 15, 19)
"""The joints that SRHandNet (Wang et al. 2019, section IV) reports apart from the mean."""
