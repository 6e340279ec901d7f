from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.codecs.region_map import BOX_MARGIN
from hand_pose_ros.pipeline.config import TrackingConfig
from hand_pose_ros.pipeline.tracking import Tracker
from hand_pose_ros.skeleton import WRIST
from hand_pose_ros.types import Hand, Side

START_S = 1_700_000_000.0
SIZE_PX = 100.0
RNG = np.random.default_rng(0)
CORNERS = [(-0.5, -0.5), (0.5, 0.5)]
OFFSETS_PX = SIZE_PX * np.array([*CORNERS, *RNG.uniform(-0.5, 0.5, (19, 2))])


def hand_at(x: float, y: float = 240, size: float = 1.0, side: Side = Side.UNKNOWN) -> Hand:
    keypoints_px = (np.array([x, y]) + size * OFFSETS_PX).astype(np.float32)
    box_px = np.concatenate((keypoints_px.min(axis=0), keypoints_px.max(axis=0)))
    side_score = 0.0 if side is Side.UNKNOWN else 0.8
    return Hand(keypoints_px, np.ones(21, np.float32), box_px, 0.9, side, side_score)


def ids(hands: tuple[Hand, ...]) -> list[str]:
    return [hand.id for hand in hands]


def follow(tracker: Tracker, xs: list[float], rate_hz: float = 30.0) -> list[str]:
    """Shows one hand at each x in turn and returns its ids."""
    return [
        tracker.update((hand_at(x),), START_S + index / rate_hz)[0].id
        for index, x in enumerate(xs)
    ]


@pytest.fixture
def tracker():
    return Tracker(TrackingConfig())


def test_hands_keep_their_ids_and_their_order(tracker):
    first = tracker.update((hand_at(100), hand_at(300), hand_at(500)), START_S)
    assert len(set(ids(first))) == 3
    second = tracker.update((hand_at(505), hand_at(103), hand_at(298)), START_S + 0.033)
    assert ids(second) == [first[2].id, first[0].id, first[1].id]


def test_only_id_and_side_change(tracker):
    before = hand_at(100)
    (after,) = tracker.update((before,), START_S)
    assert after == replace(before, id=after.id)


def test_no_hands_is_no_hands(tracker):
    assert tracker.update((), START_S) == ()
    assert tracker.regions(START_S) == []


@pytest.mark.parametrize(('rate_hz', 'speed'), [(30, 1500), (15, 1200), (5, 600)])
def test_a_fast_hand_keeps_its_id(tracker, rate_hz, speed):
    """At 5 Hz it moves by 1.2 hand sizes between images, and nothing overlaps."""
    xs = 100 + speed / rate_hz * np.arange(10)
    assert len(set(follow(tracker, xs, rate_hz))) == 1


def test_a_hand_that_shakes_keeps_its_id(tracker):
    """3 Hz and half a hand size: up to 9 hand sizes per second, seen at 15 Hz."""
    xs = 300 + 50 * np.sin(2 * np.pi * 3 * np.arange(60) / 15)
    assert len(set(follow(tracker, xs, rate_hz=15))) == 1


def test_a_hand_far_from_every_track_is_another_hand(tracker):
    before, after = follow(tracker, [100, 500])
    assert before != after


def test_a_much_smaller_hand_beside_a_track_is_another_hand(tracker):
    (before,) = tracker.update((hand_at(100),), START_S)
    (after,) = tracker.update((hand_at(180, size=0.3),), START_S + 0.1)
    assert before.id != after.id


def test_a_hand_missed_for_a_third_of_a_second_keeps_its_id_while_it_moves(tracker):
    speed, period = 300.0, 1 / 30
    before = follow(tracker, list(100 + speed * period * np.arange(10)))[-1]
    for missed in range(10, 20):
        tracker.update((), START_S + missed * period)
    (hand,) = tracker.update((hand_at(100 + speed * period * 20),), START_S + 20 * period)
    assert hand.id == before


def test_a_hand_missed_for_longer_than_set_gets_a_new_id():
    tracker = Tracker(TrackingConfig(max_missed_s=0.25))
    (before,) = tracker.update((hand_at(100),), START_S)
    (still,) = tracker.update((hand_at(100),), START_S + 0.24)
    tracker.update((), START_S + 0.24 + 0.2)
    (after,) = tracker.update((hand_at(100),), START_S + 0.24 + 0.26)
    assert before.id == still.id != after.id


@pytest.mark.parametrize(('step_s', 'lasts'), [(0.7, True), (1.9, True), (2.1, False)])
def test_a_hand_seen_in_every_image_keeps_its_id_however_slow_they_come(tracker, step_s, lasts):
    seen = follow(tracker, [100.0] * 4, rate_hz=1 / step_s)
    assert (len(set(seen)) == 1) == lasts
    assert (len(tracker.regions(START_S + 4 * step_s)) == 1) == lasts


@pytest.mark.parametrize('rate_hz', [10, 30])
@pytest.mark.parametrize('gap_px', [0, 30])
@pytest.mark.parametrize('sides', [(Side.RIGHT, Side.LEFT), (Side.UNKNOWN, Side.UNKNOWN)])
def test_two_hands_that_cross_keep_their_ids(tracker, sides, gap_px, rate_hz):
    """They pass each other at 2 x 400 px/s; the one behind is missed while they overlap."""
    rng = np.random.default_rng(0)
    steps = np.arange(int(1.2 * rate_hz))
    to_right, to_left = 80 + 400 / rate_hz * steps, 560 - 400 / rate_hz * steps
    wanted: tuple[str, ...] | None = None
    for step, (a, b) in enumerate(zip(to_right, to_left, strict=True)):
        hands = [hand_at(a + rng.normal(0, 2), 240, side=sides[0])]
        if abs(a - b) > 0.6 * SIZE_PX:
            hands.append(hand_at(b + rng.normal(0, 2), 240 + gap_px, side=sides[1]))
        named = ids(tracker.update(tuple(hands), START_S + step / rate_hz))
        wanted = wanted or tuple(named)
        assert named == list(wanted[: len(named)])
    assert len(named) == 2


def test_the_side_decides_where_motion_does_not(tracker):
    """Two hands stop on top of each other and part the way they came."""
    left, right = hand_at(300, side=Side.LEFT), hand_at(302, side=Side.RIGHT)
    (left_id, right_id) = ids(tracker.update((left, right), START_S))
    for index in range(1, 10):
        named = tracker.update((right, left), START_S + index / 30)
        assert ids(named) == [right_id, left_id]


def test_ten_hands_keep_their_ids_while_they_wander(tracker):
    rng = np.random.default_rng(0)
    home = np.array([(x, y) for y in (120, 360) for x in (60, 190, 320, 450, 580)], float)
    phases = rng.uniform(0, 2 * np.pi, (10, 2))
    wanted = np.array([])
    for index in range(150):
        places = home + 40 * np.sin(2 * np.pi * index / 30 + phases) + rng.normal(0, 2, (10, 2))
        order = rng.permutation(10)
        seen = order[rng.random(10) > 0.1] if index else order
        hands = tuple(hand_at(*places[i], size=0.8) for i in seen)
        named = np.array(ids(tracker.update(hands, START_S + index / 30)))
        if index == 0:
            wanted = named[np.argsort(seen)]
        np.testing.assert_array_equal(named, wanted[seen])


def test_ids_are_never_used_twice(tracker):
    seen = set(ids(tracker.update((hand_at(100), hand_at(400)), START_S)))
    tracker.reset()
    for stamp_s in (START_S + 0.1, START_S + 10, START_S + 5, START_S - 1000):
        new = ids(tracker.update((hand_at(100), hand_at(400)), stamp_s))
        assert not seen & set(new)
        seen |= set(new)
    assert len(seen) == 10


def test_a_stamp_that_goes_back_forgets_the_hands(tracker):
    (before,) = tracker.update((hand_at(100),), START_S)
    assert tracker.regions(START_S - 0.01) == []
    (after,) = tracker.update((hand_at(100),), START_S - 0.01)
    assert before.id != after.id


def test_the_same_stamp_twice_keeps_the_hands(tracker):
    (before,) = tracker.update((hand_at(100),), START_S)
    (after,) = tracker.update((hand_at(104),), START_S)
    assert before.id == after.id


def test_regions_are_where_the_hands_go(tracker):
    speed, rate_hz = 600.0, 30
    follow(tracker, list(100 + speed / rate_hz * np.arange(10)), rate_hz)
    (region,) = tracker.regions(START_S + 10 / rate_hz)
    assert region.box_px.dtype == np.float32
    expected_px = hand_at(100 + speed / rate_hz * 10, size=BOX_MARGIN).box_px
    np.testing.assert_allclose(region.box_px, expected_px, atol=0.03 * SIZE_PX)


def test_regions_grow_with_a_hand_that_comes_closer(tracker):
    for index in range(10):
        tracker.update((hand_at(300, size=1.03**index),), START_S + index / 30)
    box_px = tracker.regions(START_S + 10 / 30)[0].box_px
    assert abs((box_px[2] - box_px[0]) / SIZE_PX / BOX_MARGIN - 1.03**10) < 0.02


def test_regions_do_not_run_away_from_a_missed_hand(tracker):
    speed = 1500.0
    follow(tracker, list(100 + speed / 30 * np.arange(10)))
    box_px = tracker.regions(START_S + 9 / 30 + 0.39)[0].box_px
    travelled_px = box_px[[0, 2]].mean() - (100 + speed / 30 * 9)
    assert 1.5 * SIZE_PX < travelled_px < 3 * SIZE_PX


def test_regions_name_missed_hands_until_they_are_given_up():
    tracker = Tracker(TrackingConfig(max_missed_s=0.4))
    tracker.update((hand_at(100),), START_S)
    tracker.update((), START_S + 0.2)
    assert len(tracker.regions(START_S + 0.39)) == 1
    assert tracker.regions(START_S + 0.41) == []


def pointing(to_right_deg: float, turns: int = 0) -> Hand:
    """A hand that points this far from up, and how the picture was turned to read it."""
    angle = np.radians(to_right_deg)
    ahead = np.array([np.sin(angle), -np.cos(angle)])
    across = np.array([np.cos(angle), np.sin(angle)])
    places = [(20 * ((i - 1) % 4 + 1), 5 * ((i - 1) // 4 - 2.5)) for i in range(21)]
    points = np.array([300 + along * ahead + aside * across for along, aside in places])
    points[WRIST] = 300
    box_px = np.concatenate((points.min(axis=0), points.max(axis=0))).astype(np.float32)
    return replace(
        hand_at(300), keypoints_px=points.astype(np.float32), box_px=box_px, turns=turns
    )


@pytest.mark.parametrize(
    ('to_right_deg', 'before', 'turns'),
    [(0, 0, 0), (90, 0, 1), (180, 0, 2), (-90, 0, 3), (90, 1, 1), (0, 2, 0), (-150, 1, 2)],
)
def test_a_region_says_how_to_turn_the_picture_so_that_its_hand_points_up(
    tracker, to_right_deg, before, turns
):
    tracker.update((pointing(to_right_deg, before),), START_S)
    assert tracker.regions(START_S)[0].turns == turns


def test_a_hand_that_points_between_two_turns_stays_in_the_one_it_has(tracker):
    for to_right_deg in (40, 50, 40):
        for turns in (0, 1):
            tracker.update((pointing(to_right_deg, turns),), START_S)
            assert tracker.regions(START_S)[0].turns == turns


def test_a_hand_that_does_not_show_where_it_points_stays_in_its_turn(tracker):
    for hidden in ([WRIST], [5, 9, 13, 17]):
        hand = pointing(0, turns=2)
        hand.keypoints_px[hidden] = np.nan
        tracker.update((hand,), START_S)
        assert tracker.regions(START_S)[0].turns == 2


def test_a_fist_towards_the_camera_stays_in_its_turn(tracker):
    fist = pointing(180)
    fist.keypoints_px[[5, 9, 13, 17]] = fist.keypoints_px[WRIST] + (0, 10)
    tracker.update((fist,), START_S)
    assert tracker.regions(START_S)[0].turns == 0


def test_the_side_is_the_mean_along_the_track(tracker):
    for index in range(10):
        side = Side.LEFT if index == 6 else Side.RIGHT
        (hand,) = tracker.update((hand_at(100, side=side),), START_S + index / 30)
        assert hand.side is Side.RIGHT
    assert abs(hand.side_score - (9 * 0.8 - 0.8) / 10) < 1e-6


def test_a_wrong_first_side_is_outvoted(tracker):
    tracker.update((hand_at(100, side=Side.LEFT),), START_S)
    for index in range(1, 4):
        (hand,) = tracker.update((hand_at(100, side=Side.RIGHT),), START_S + index / 30)
    assert hand.side is Side.RIGHT


def test_a_side_that_was_wrong_for_long_is_unlearnt_within_three_seconds(tracker):
    for index in range(300):
        side = Side.LEFT if index < 200 else Side.RIGHT
        (hand,) = tracker.update((hand_at(100, side=side),), START_S + index / 30)
    assert hand.side is Side.RIGHT


def test_an_unknown_side_says_nothing(tracker):
    (hand,) = tracker.update((hand_at(100),), START_S)
    assert (hand.side, hand.side_score) == (Side.UNKNOWN, 0.0)
    tracker.update((hand_at(100, side=Side.LEFT),), START_S + 0.03)
    (hand,) = tracker.update((hand_at(100),), START_S + 0.06)
    assert hand.side is Side.LEFT
    assert abs(hand.side_score - 0.8) < 1e-6


def test_a_hand_with_one_keypoint_is_tracked_by_its_box(tracker):
    hand = hand_at(100)
    hand.keypoints_px[1:] = np.nan
    (before,) = tracker.update((hand,), START_S)
    (after,) = tracker.update((hand,), START_S + 0.03)
    assert before.id == after.id
