"""Depth crops: in and out again, anywhere in the picture, and which surface is the hand."""

import cv2
import numpy as np
import pytest

from hand_pose_ros.codecs.depth_crop import (
    EMPTY,
    decode_joints,
    encode_depth,
    encode_joints,
    find_centre,
    look_at,
    upright_roll,
)
from hand_pose_ros.geometry.camera import project, unproject
from hand_pose_ros.types import Camera, Hand

HEIGHT, WIDTH = 480, 640
CAMERA = Camera(HEIGHT, WIDTH, 600.0, 590.0, 321.5, 238.0)
WIDE = Camera(HEIGHT, WIDTH, 380.0, 381.0, 318.0, 244.0, (-0.05, 0.03, 0.001, -0.002, -0.01))
CUBE_M, SIZE = 0.3, 128
NOTHING_SEEN = np.full((21, 2), np.nan, np.float32)
CENTRES_CAM = [(0.0, 0.0, 0.5), (0.1, -0.05, 0.5), (-0.35, 0.2, 0.8)]


def random_joints(centre_cam, rng):
    return np.array(centre_cam) + rng.uniform(-0.1, 0.1, (21, 3))


def pixel_grid():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.column_stack((x.ravel(), y.ravel())).astype(float)


def plane_image(camera, point_cam, normal):
    """Depth of a plane in every pixel."""
    rays = unproject(pixel_grid(), np.ones(HEIGHT * WIDTH), camera)
    depth_m = (np.array(point_cam) @ normal) / (rays @ np.array(normal))
    return depth_m.reshape(HEIGHT, WIDTH).astype(np.float32)


def ball_image(camera, centre_cam, radius_m, behind_m=np.nan):
    """Depth of a ball, and of a wall behind it."""
    rays = unproject(pixel_grid(), np.ones(HEIGHT * WIDTH), camera)
    along = rays @ np.array(centre_cam)
    length = (rays**2).sum(axis=1)
    root = along**2 - length * (np.dot(centre_cam, centre_cam) - radius_m**2)
    hit = root > 0
    depth_m = np.where(hit, (along - np.sqrt(np.where(hit, root, 0))) / length, behind_m)
    return depth_m.reshape(HEIGHT, WIDTH).astype(np.float32)


def flat_hand(angle_rad):
    """Joints of a hand at the origin, parallel to the image: fingers up, then turned clockwise."""
    fingers = [(x, -y) for x in (0, 0.02, 0.04, 0.06) for y in (0.09, 0.13, 0.16, 0.18)]
    thumb = [(-0.02, -0.02), (-0.05, -0.05), (-0.06, -0.07), (-0.07, -0.09)]
    x, y = np.array([(0.02, 0), *thumb, *fingers]).T
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return np.column_stack((cos * x - sin * y, sin * x + cos * y, np.zeros(21)))


@pytest.mark.parametrize('centre_cam', CENTRES_CAM)
@pytest.mark.parametrize('angle_rad', [-2.5, -0.4, 0.0, 1.0, 3.1])
@pytest.mark.parametrize('mirror', [1, -1])
def test_fingers_point_up_in_the_crop_however_the_hand_is_turned(centre_cam, angle_rad, mirror):
    joints_cam = flat_hand(angle_rad) * (mirror, 1, 1) + centre_cam
    roll_rad = upright_roll(project(joints_cam, CAMERA))
    joints = encode_joints(joints_cam, look_at(np.array(centre_cam), CUBE_M, SIZE, roll_rad))
    x, y = (joints[9:13, :2].mean(axis=0) - joints[0, :2]).tolist()
    assert abs(np.degrees(np.arctan2(x, -y))) < 10


@pytest.mark.parametrize('lost', [[0], [1, 2, 3, 4], list(range(7, 21))])
def test_the_roll_is_told_by_the_keypoints_that_are_seen(lost):
    keypoints_px = project(flat_hand(1.0) + np.array([0, 0, 0.5]), CAMERA)
    whole = upright_roll(keypoints_px)
    keypoints_px[lost] = np.nan
    assert abs(np.degrees(upright_roll(keypoints_px) - whole)) < 45


def test_without_keypoints_there_is_no_roll():
    assert upright_roll(np.full((21, 2), np.nan)) == 0


@pytest.mark.parametrize('centre_cam', CENTRES_CAM)
@pytest.mark.parametrize('roll_rad', [0.0, 2.0])
def test_decoding_inverts_encoding_of_joints_to_a_tenth_of_a_millimetre(centre_cam, roll_rad):
    joints_cam = random_joints(centre_cam, np.random.default_rng(0))
    view = look_at(np.array(centre_cam), CUBE_M, SIZE, roll_rad)
    values = encode_joints(joints_cam, view)
    assert np.abs(decode_joints(values, view) - joints_cam).max() < 1e-4


def test_the_centre_is_the_origin_and_the_cube_reaches_to_one():
    centre_cam = np.array([0.1, -0.05, 0.5])
    view = look_at(centre_cam, CUBE_M, SIZE)
    away = centre_cam / np.linalg.norm(centre_cam)
    points_cam = np.stack((centre_cam, centre_cam + 0.15 * away, centre_cam - 0.15 * away))
    np.testing.assert_allclose(
        encode_joints(points_cam, view), [[0, 0, 0], [0, 0, 1], [0, 0, -1]], atol=1e-6
    )


@pytest.mark.parametrize('camera', [CAMERA, WIDE], ids=['pinhole', 'distorted'])
@pytest.mark.parametrize('centre_cam', CENTRES_CAM)
def test_depth_and_joints_of_a_crop_agree_to_a_millimetre(camera, centre_cam):
    # What the crop shows at a pixel, decoded as if it were a joint, lies on the surface.
    normal = np.array([0.1, -0.1, 1.0])
    view = look_at(np.array(centre_cam), CUBE_M, SIZE)
    crop = encode_depth(plane_image(camera, centre_cam, normal), camera, view)
    rows, columns = np.mgrid[8:SIZE:16, 8:SIZE:16].reshape(2, -1)
    values = np.stack((columns, rows), axis=1) * 2.0 / SIZE + 1.0 / SIZE - 1
    depths = crop[rows, columns]
    shown = depths < EMPTY
    points_cam = decode_joints(np.column_stack((values, depths))[shown], view)
    gaps_m = (points_cam - centre_cam) @ normal / np.linalg.norm(normal)
    assert shown.sum() > 30
    assert np.abs(gaps_m).max() < 1e-3


def test_a_plane_that_faces_the_crop_camera_decodes_to_a_tenth_of_a_millimetre():
    centre_cam = np.array([0.1, -0.05, 0.5])
    view = look_at(centre_cam, CUBE_M, SIZE)
    image = plane_image(CAMERA, centre_cam * 1.05, centre_cam)
    crop = encode_depth(image, CAMERA, view)
    expected = 0.05 * np.linalg.norm(centre_cam) / (CUBE_M / 2)
    shown = crop[crop < EMPTY]
    assert len(shown) > 0.9 * SIZE**2
    # Half a pixel of 1.2 mm beside the ray the plane is as far, but for the perspective.
    assert np.abs(shown - expected).max() * CUBE_M / 2 < 4e-4
    assert abs(np.median(shown) - expected) * CUBE_M / 2 < 1e-4


def test_a_hand_looks_the_same_wherever_it_is_in_the_picture():
    crops = []
    for centre_cam in ((0.0, 0.0, 0.6), (0.24, 0.12, np.sqrt(0.36 - 0.24**2 - 0.12**2))):
        image = ball_image(WIDE, centre_cam, 0.05)
        crops.append(encode_depth(image, WIDE, look_at(np.array(centre_cam), CUBE_M, SIZE)))
    both = (crops[0] < EMPTY) & (crops[1] < EMPTY)
    either = (crops[0] < EMPTY) | (crops[1] < EMPTY)
    assert both.sum() / either.sum() > 0.93
    assert np.median(np.abs(crops[0] - crops[1])[both]) * CUBE_M / 2 < 0.001


def test_what_is_no_depth_is_empty_and_what_is_before_the_cube_is_clipped():
    image = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    image[200, 300:310] = (0, -1, np.nan, np.inf, -np.inf, 0, 0, 0, 0, 0)
    image[:200], image[280:] = 0.1, 5.0
    crop = encode_depth(image, CAMERA, look_at(np.array([0, 0, 0.5]), CUBE_M, SIZE))
    assert np.isfinite(crop).all()
    assert (crop[0] == -1).all()
    assert (crop[-1] == EMPTY).all()
    assert crop[64, 64] == pytest.approx(0, abs=1e-6)


def test_outside_the_picture_there_is_nothing():
    image = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    centre_cam = unproject(np.array([[0.0, 240.0]]), np.array([0.5]), CAMERA)[0]
    crop = encode_depth(image, CAMERA, look_at(centre_cam, CUBE_M, SIZE))
    assert (crop[:, :60] == EMPTY).all()
    assert (crop[:, 68:] < EMPTY).all()


@pytest.mark.parametrize('centre', [(0, 0, 0), (0, 0, -1), (np.nan, 0, 1)])
def test_a_centre_that_is_not_before_the_camera_is_refused(centre):
    with pytest.raises(ValueError, match='before the camera'):
        look_at(np.array(centre, float), CUBE_M, SIZE)


def hand_in(box_px, keypoints_px=NOTHING_SEEN):
    """A hand of which a box is known, and some keypoints."""
    scores = np.isfinite(keypoints_px[:, 0]).astype(np.float32)
    return Hand(keypoints_px, scores, np.array(box_px, np.float32), 1.0)


def ball_box_px(camera, centre_cam, radius_m):
    corners = np.array(centre_cam) + np.array([[-1, -1, 0], [1, 1, 0]]) * radius_m * 1.3
    return project(corners, camera).ravel()


@pytest.mark.parametrize('camera', [CAMERA, WIDE], ids=['pinhole', 'distorted'])
@pytest.mark.parametrize('centre_cam', CENTRES_CAM)
@pytest.mark.parametrize('behind_m', [np.nan, 1.5, 'close'])
def test_the_centre_of_a_ball_is_found_before_any_background(camera, centre_cam, behind_m):
    behind_m = centre_cam[2] + 0.12 if behind_m == 'close' else behind_m
    image = ball_image(camera, centre_cam, 0.07, behind_m)
    found = find_centre(image, camera, hand_in(ball_box_px(camera, centre_cam, 0.07)))
    # The surface is up to a radius nearer than the centre.
    assert found[2] - centre_cam[2] == pytest.approx(-0.045, abs=0.03)
    assert np.linalg.norm(found[:2] - np.array(centre_cam)[:2]) < 0.03


def test_another_hand_at_the_rim_of_the_box_is_not_taken():
    centre_cam = (0.0, 0.0, 0.6)
    image = ball_image(CAMERA, centre_cam, 0.06, 2.0)
    x0, y0, x1, y1 = ball_box_px(CAMERA, centre_cam, 0.06)
    image[int(y0) : int(y1), int(x0) : int(x0 + 0.22 * (x1 - x0))] = 0.35
    found = find_centre(image, CAMERA, hand_in([x0, y0, x1, y1]))
    assert found[2] == pytest.approx(0.56, abs=0.03)


def test_what_covers_the_middle_of_the_box_is_not_taken_where_keypoints_are_seen_beside_it():
    centre_cam = (0.0, 0.0, 0.6)
    image = ball_image(CAMERA, centre_cam, 0.07, 2.0)
    x0, y0, x1, y1 = box_px = ball_box_px(CAMERA, centre_cam, 0.07)
    down = y1 - y0
    image[round(y0 + 0.3 * down) : round(y1 - 0.3 * down), round(x0) : round(x1)] = 0.4
    assert find_centre(image, CAMERA, hand_in(box_px))[2] == pytest.approx(0.4)
    keypoints_px = NOTHING_SEEN.copy()
    places = np.array([[0.4, 0.2], [0.6, 0.2], [0.5, 0.8]])
    keypoints_px[[0, 4, 8]] = box_px[:2] + places * (x1 - x0, down)
    # The ball is at its nearest 0.53 m away.
    found = find_centre(image, CAMERA, hand_in(box_px, keypoints_px))
    assert found[2] == pytest.approx(0.56, abs=0.03)


def test_a_thin_hand_is_taken_where_keypoints_are_seen_on_it():
    image = np.full((HEIGHT, WIDTH), 0.7, np.float32)
    image[100:300, 300:310] = 0.5
    box_px = np.array([200, 100, 410, 300])
    keypoints_px = NOTHING_SEEN.copy()
    keypoints_px[[2, 3, 4]] = [[304.0, 120], [305, 180], [305, 250]]
    assert find_centre(image, CAMERA, hand_in(box_px))[2] == pytest.approx(0.7)
    assert find_centre(image, CAMERA, hand_in(box_px, keypoints_px))[2] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ('near_m', 'far_m', 'expected_m'),
    [
        # A box of 200 px is 17 cm large at 0.5 m, 33 at 1 m, 5 at 0.15 m.
        (0.5, 1.0, 0.5),
        (0.15, 0.5, 0.5),
        (0.5, 0.7, 0.5),
        (0.15, 1.0, 0.15),
    ],
)
def test_a_surface_at_which_the_hand_would_be_tiny_or_a_giant_is_the_last_choice(
    near_m, far_m, expected_m
):
    image = np.full((HEIGHT, WIDTH), far_m, np.float32)
    image[100:300, 200:290] = near_m
    found = find_centre(image, CAMERA, hand_in([200, 100, 400, 300]))
    assert found[2] == pytest.approx(expected_m)


def test_what_hides_most_of_a_hand_is_not_taken_where_the_palm_would_be_tiny_at_it():
    joints_cam = flat_hand(0.3) + np.array([0, 0, 1.2])
    keypoints_px = project(joints_cam, CAMERA).astype(np.float32)
    box_px = np.concatenate((keypoints_px.min(axis=0), keypoints_px.max(axis=0)))
    image = np.full((HEIGHT, WIDTH), 1.2, np.float32)
    image[:, : round(0.3 * box_px[0] + 0.7 * box_px[2])] = 0.7  # the box is 10 cm large there
    assert find_centre(image, CAMERA, hand_in(box_px))[2] == pytest.approx(0.7)
    assert find_centre(image, CAMERA, hand_in(box_px, keypoints_px))[2] == pytest.approx(1.2)


def test_keypoints_far_outside_of_the_box_do_not_count():
    image = np.full((HEIGHT, WIDTH), 0.7, np.float32)
    box_px = np.array([300, 200, 320, 220])
    keypoints_px = NOTHING_SEEN.copy()
    keypoints_px[[2, 3]] = [[10.0, 20], [600, 400]]
    found = find_centre(image, CAMERA, hand_in(box_px, keypoints_px))
    np.testing.assert_array_equal(found, find_centre(image, CAMERA, hand_in(box_px)))


@pytest.mark.parametrize('value', [np.nan, 0.0, -0.5, np.inf])
def test_a_box_without_depth_has_no_centre(value):
    image = np.full((HEIGHT, WIDTH), value, np.float32)
    assert find_centre(image, CAMERA, hand_in([100, 100, 200, 200])) is None


def test_a_box_outside_the_picture_has_no_centre():
    image = np.ones((HEIGHT, WIDTH), np.float32)
    assert find_centre(image, CAMERA, hand_in([-200, -200, -100, -100])) is None


@pytest.mark.parametrize(
    ('frame', 'box_px', 'palm_px'),
    [
        # By eye: a hand before the body, and one beside it.
        ('20210326-230536/110', (156, 160, 383, 314), (270, 240)),
        ('20210326-231615/20', (280, 215, 395, 345), (350, 290)),
    ],
)
def test_the_centre_of_a_real_hand_lies_a_finger_from_its_palm(shared_dir, frame, box_px, palm_px):
    sr305 = Camera(480, 640, 476.007, 476.007, 313.683, 242.755)
    path = shared_dir / 'data' / 'real_depth' / 'frames' / f'{frame}.png'
    eighths_mm = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    depth_m = np.where(eighths_mm > 0, eighths_mm / 8000, np.nan)
    x, y = palm_px
    palm_m = np.nanmedian(depth_m[y - 5 : y + 6, x - 5 : x + 6])
    centre_cam = find_centre(depth_m, sr305, hand_in(box_px))
    assert abs(centre_cam[2] - palm_m) < 0.025
    # The cube around it shows the hand, and nothing of the body 30 cm behind.
    crop = encode_depth(depth_m, sr305, look_at(centre_cam, CUBE_M, SIZE))
    assert 0.08 < (np.abs(crop) < EMPTY).mean() < 0.35
