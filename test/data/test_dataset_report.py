import cv2
import numpy as np
import pytest

from hand_pose_ros.data.dataset_report import (
    SIDE_COLOURS,
    box_share,
    colour_depth,
    draw_contact_sheet,
    draw_hands,
    finger_bend_deg,
    palm_tilt_deg,
    plot_statistics,
)
from hand_pose_ros.data.labels import HandLabel, ImageLabel
from hand_pose_ros.skeleton import FINGERS
from hand_pose_ros.types import Side


def hand_joints(bend_deg=0.0):
    """A hand in the plane z = 0.5 m, fingers up; each joint bends toward the camera."""
    joints = np.zeros((21, 3))
    for number, finger in enumerate(FINGERS):
        point, angle = np.array([0.02 * (2 - number), -0.08, 0.0]), 0.0
        for joint in finger:
            joints[joint] = point
            angle += np.radians(bend_deg)
            point = point + 0.03 * np.array([0, -np.cos(angle), -np.sin(angle)])
    joints[:, 2] += 0.5
    return joints.astype(np.float32)


def label(side=Side.LEFT, **changes):
    points = np.stack([np.linspace(20, 60, 21), np.linspace(30, 80, 21)], axis=1)
    hand = HandLabel(
        keypoints_px=points.astype(np.float32),
        box_px=np.array([20, 30, 60, 80], np.float32),
        side=side,
        visible=np.arange(21) < 14,
        joints_cam=hand_joints(30),
    )
    return ImageLabel(
        **{'image': 'a.png', 'height': 100, 'width': 200, 'hands': (hand,), **changes}
    )


def test_the_bend_is_the_angle_between_the_first_and_the_last_bone():
    bends = finger_bend_deg(np.stack([hand_joints(0), hand_joints(30), hand_joints(80)]))
    np.testing.assert_allclose(bends, [0, 60, 160], atol=0.01)


def test_the_tilt_is_zero_for_a_hand_seen_flat_and_ninety_edge_on():
    flat = hand_joints()
    edge_on = flat[:, [2, 1, 0]] - flat[0, [2, 1, 0]] + flat[0]
    tilts = palm_tilt_deg(np.stack([flat, edge_on]).astype(np.float32))
    np.testing.assert_allclose(tilts, [0, 90], atol=0.01)


def test_the_share_of_a_box_is_its_longer_side_over_that_of_the_picture():
    assert box_share(label().hands[0], label()) == pytest.approx(50 / 200)


def test_near_is_red_far_is_blue_and_missing_is_black():
    painted = colour_depth(np.array([[0.5, 1.5, 0, np.nan]], np.float32), (0.5, 1.5))
    red, _, blue = painted[0].T.astype(int)
    assert red[0] > 100 > blue[0]
    assert blue[1] > red[1]
    assert (painted[0, 2:] == 0).all()
    assert (colour_depth(np.zeros((2, 3), np.float32)) == 0).all()


def test_hands_are_drawn_in_the_colour_of_their_side_and_hidden_keypoints_hollow():
    image = np.zeros((100, 200, 3), np.uint8)
    for side in (Side.LEFT, Side.RIGHT):
        drawn = draw_hands(image, label(side).hands)
        assert (drawn[30, 20] == SIDE_COLOURS[side]).all()
        assert (drawn[30, 20:23] == drawn[30, 20]).all()
    assert (image == 0).all()


def test_unlabelled_and_far_off_keypoints_do_not_stop_the_drawing():
    hand = label().hands[0]
    hand.keypoints_px[3] = np.nan
    hand.keypoints_px[4] = 1e7
    draw_hands(np.zeros((100, 200, 3), np.uint8), (hand,))


@pytest.mark.parametrize('count', [1, 5, 60])
def test_a_contact_sheet_shows_pictures_from_all_over_the_set(tmp_path, count):
    labels = []
    for i in range(count):
        grey = np.full((100, 200, 3), 60 + i, np.uint8)
        cv2.imwrite(str(tmp_path / f'{i}.png'), grey)
        cv2.imwrite(str(tmp_path / f'd{i}.png'), np.full((100, 200), 700, np.uint16))
        labels.append(label(image=f'{i}.png', depth=f'd{i}.png'))
    sheet = draw_contact_sheet(tmp_path, labels)
    tiles = min(count, 24) * 2
    assert sheet.shape == (240 * -(-tiles // 8), 240 * 8, 3)
    if count == 60:
        assert (sheet[2, 2] == 60).all()
        assert abs(int(sheet[5 * 240 + 2, 6 * 240 + 2, 0]) - 60 - 57) <= 1


def test_a_set_without_colour_shows_its_depth(tmp_path):
    cv2.imwrite(str(tmp_path / 'd.png'), np.full((100, 200), 700, np.uint16))
    sheet = draw_contact_sheet(tmp_path, [label(image='d.png', depth='d.png')])
    assert (sheet[2, 2] == sheet[2, 242]).all()
    assert sheet[2, 2].any()


def test_a_set_of_cut_outs_shows_their_colours(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((100, 200, 4), (10, 20, 30, 255), np.uint8))
    sheet = draw_contact_sheet(tmp_path, [label(image='a.png')])
    assert (sheet[2, 2] == (30, 20, 10)).all()


def test_a_damaged_picture_is_named(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'not a picture')
    with pytest.raises(ValueError, match=r'a\.png'):
        draw_contact_sheet(tmp_path, [label()])


def test_statistics_are_plotted_even_of_a_set_without_hands(tmp_path):
    plot_statistics([label(), label(Side.RIGHT), label(hands=())], tmp_path / 'some.png')
    plot_statistics([label(hands=())], tmp_path / 'none.png')
    for name in ('some', 'none'):
        assert cv2.imread(str(tmp_path / f'{name}.png')).shape[1] > 1000
