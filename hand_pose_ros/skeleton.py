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

FINGERS = tuple(tuple(range(base, base + 4)) for base in range(1, NUM_KEYPOINTS, 4))
"""Keypoint indices of each finger, base to tip."""

PALM = (WRIST, *(finger[0] for finger in FINGERS))
"""Keypoint indices around the palm."""

BONES = tuple(bone for finger in FINGERS for bone in ((WRIST, finger[0]), *pairwise(finger)))
"""(parent, child) keypoint indices, 20 of them, in the order of the children."""

DIP_JOINTS = (7, 11, 15, 19)
"""The joints that SRHandNet (Wang et al. 2019, section IV) reports apart from the mean."""

RHD_ORDER = (0, *(tip - joint for tip in range(4, 21, 4) for joint in range(4)))
"""Index in RHD of each of our keypoints, of either hand: RHD counts a finger from its tip."""

INTERHAND_ORDER = (20, *(base - joint for base in range(3, 20, 4) for joint in range(4)))
"""Index in InterHand2.6M of each of our keypoints, of either hand: tips first, the wrist last."""

STB_ORDER = (0, *(base + joint for base in range(17, 0, -4) for joint in range(4)))
"""Index in STB of each of our keypoints: the little finger first. Its root is no wrist, but the
middle of the palm."""

LSMV_NAMES = tuple(
    f'{finger}_{joint}'
    for finger in ('TH', 'F4', 'F3', 'F2', 'F1')
    for joint in ('KNU1_B', 'KNU1_A', 'KNU2_A', 'KNU3_A')
)
"""Names in LSMV of our keypoints but the wrist, which it does not have."""
