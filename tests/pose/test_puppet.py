"""The reference picture, bent limb by limb into another pose."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose.bones import Pose
from pose.plain import SHADE
from pose.puppet import Flags, Puppet, find_figure
from pose.skeleton import COUNT, INDEX, LEFT_HAND, RIGHT_HAND, Floats, Frame
from tests.pose.figures import PLACES, SIZE, pose, standing_figure

Place = tuple[int, int]


@pytest.fixture
def standing() -> Floats:
    return standing_figure()


@pytest.fixture
def picture(standing: Floats) -> Frame:
    """A figure of noise before a black background."""
    noise = np.random.default_rng(0).integers(30, 256, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    shown = np.zeros_like(noise)
    shown[10:180, 4:124] = noise[10:180, 4:124]
    return shown


def bend(picture: Frame, own: Pose, asked: Pose, figure: Flags | None = None) -> Frame:
    whole = np.ones(picture.shape[:2], bool)  # as far as it belongs to any part
    return Puppet(picture, own, whole if figure is None else figure).bend(asked)


def test_its_own_pose_leaves_nearly_all_as_it_is(standing: Floats, picture: Frame) -> None:
    standing[LEFT_HAND][7:9] = (119, 90), (122, 92)  # a finger
    standing[RIGHT_HAND][7:9] = (9, 90), (6, 92)
    bent = bend(picture, pose(standing), pose(standing))
    same = (np.abs(bent.astype(int) - picture) <= 1).all(axis=-1)
    assert all(same[y, x] for x, y in PLACES.values())
    assert same.mean() > 0.93  # but for the rim, where this figure and its background are one


def test_a_figure_leaves_its_place_as_the_background(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), (20, 60, 90), np.uint8)
    picture[30:160, 56:72] = 250
    puppet = Puppet(picture, pose(standing), np.ones(picture.shape[:2], bool))
    assert np.abs(puppet.backdrop[70, 64].astype(int) - (20, 60, 90)).max() < 8
    nobody = (np.empty((0, COUNT, 2)), np.empty((0, COUNT)))
    assert np.array_equal(puppet.bend(nobody), puppet.backdrop)
    picture.flags.writeable = False  # as loaded
    assert np.array_equal(bend(picture, nobody, pose(standing)), picture)


def test_a_figure_that_moves_takes_its_pixels_along(standing: Floats, picture: Frame) -> None:
    moved = bend(picture, pose(standing), pose(standing + np.array([6, 11])))
    for x, y in PLACES.values():
        assert np.abs(moved[y + 11, x + 6].astype(int) - picture[y, x]).max() <= 1


def test_a_limb_takes_its_colour_along(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[66:90, 100:120] = (250, 10, 20)  # the left forearm
    raised = standing.copy()
    raised[INDEX["left_elbow"]], raised[INDEX["left_wrist"]] = (97, 40), (96, 12)
    bent = bend(picture, pose(standing), pose(raised))
    assert tuple(bent[20, 96]) == (250, 10, 20)
    assert tuple(bent[48, 88]) == (90, 90, 90)  # the upper arm


def test_a_body_seen_from_behind_is_mirrored(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[60:95, 64:] = (10, 250, 20)  # the left half of the chest
    turned = standing.copy()
    for left in [name for name in PLACES if name.startswith("left")]:
        pair = [INDEX[left], INDEX[left.replace("left", "right")]]
        turned[pair] = turned[pair[::-1]]
    bent = bend(picture, pose(standing), pose(turned))
    assert tuple(bent[78, 58]) == (10, 250, 20)
    assert tuple(bent[78, 70]) == (90, 90, 90)


def bend_out(standing: Floats, elbow: Place, wrist: Place, arm: tuple[slice, slice]) -> Frame:
    """A green torso whose left arm, red, lies so; the arm is bent out as in `standing`."""
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[50:104, 48:80] = (10, 200, 20)
    picture[arm] = (250, 10, 20)
    own = standing.copy()
    own[INDEX["left_elbow"]], own[INDEX["left_wrist"]] = elbow, wrist
    return bend(picture, pose(own), pose(standing), (picture != 90).any(axis=-1))


def test_the_body_is_whole_where_an_arm_was(standing: Floats) -> None:
    bent = bend_out(standing, (84, 78), (52, 78), np.s_[76:81, 46:86])  # across the torso
    assert np.abs(bent[78, 64].astype(int) - (10, 200, 20)).max() < 12
    assert tuple(bent[77, 104]) == (250, 10, 20)  # the forearm, held out


def test_a_face_behind_a_hand_is_as_its_other_half(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[20:46, 52:77] = (230, 180, 160)
    picture[29:33, 58:62] = picture[29:33, 67:71] = (10, 10, 120)  # eyes
    raised = standing.copy()
    raised[INDEX["left_elbow"]], raised[INDEX["left_wrist"]] = (92, 50), (66, 27)
    cv2.line(picture, (92, 50), (62, 23), (250, 10, 20), 7)  # the forearm, over one of them
    figure = (picture != 90).any(axis=-1)
    bent = bend(picture, pose(raised), pose(standing), figure)
    assert np.abs(bent[30, 69].astype(int) - (10, 10, 120)).max() < 12
    assert np.abs(bent[34, 73].astype(int) - (230, 180, 160)).max() < 12


def test_an_arm_that_leaves_a_body_leaves_no_haze(standing: Floats) -> None:
    bent = bend_out(standing, (84, 80), (86, 104), np.s_[54:106, 80:91])  # beside the torso
    beside = bent[84:100, 84:96].reshape(-1, 3)
    assert (beside == 90).all()


def test_half_of_what_shines_through_an_arms_rim_stays_behind(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    cv2.line(picture, (97, 71), (111, 83), (120, 60, 250), 9)  # what is behind it shines through
    cv2.line(picture, (97, 71), (111, 83), (250, 10, 20), 7)  # the left forearm
    figure = (picture != 90).any(axis=-1)
    lifted = standing.copy()
    lifted[INDEX["left_wrist"]] = (112, 56)
    bent = bend(picture, pose(standing), pose(lifted), figure)
    assert tuple(bent[62, 104]) == (250, 10, 20)
    assert (bent[..., 2] > 190).sum() < 8  # of some 70 around it


def test_a_limb_takes_nothing_of_the_background_along(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[66:90, 96:116] = (250, 10, 20)  # the left forearm
    figure = (picture != 90).any(axis=-1)
    lifted = standing.copy()
    lifted[INDEX["left_wrist"]] = (112, 56)
    puppet = Puppet(picture, pose(standing), figure)
    changed = (puppet.bend(pose(lifted)) != puppet.backdrop).any(axis=-1)
    assert changed[63, 104]
    assert changed.sum() < 1.1 * figure.sum()


def with_head(standing: Floats) -> Frame:
    """A head with eyes and a nose, and nothing else."""
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[20:46, 52:77] = (230, 180, 160)
    for name in FEATURES:
        x, y = standing[INDEX[name]].astype(int)
        picture[y - 1 : y + 2, x - 1 : x + 2] = (10, 10, 120)
    return picture


FEATURES = ("nose", "left_eye", "right_eye")


@pytest.mark.parametrize("way", [(4, 0), (-3, 0), (0, 3), (2, -2)])
def test_a_face_turns_on_its_head(standing: Floats, way: Place) -> None:
    picture, asked = with_head(standing), standing.copy()
    asked[[INDEX[name] for name in FEATURES]] += way
    head = (picture != 90).any(axis=-1)
    still, bent = (bend(picture, pose(standing), pose(one), head) for one in (standing, asked))
    outlines = [(np.abs(one.astype(int) - 90) > 20).any(axis=-1) for one in (still, bent)]
    assert np.array_equal(*outlines)
    dark = np.argwhere(bent[..., 0] < 60)[:, ::-1].mean(axis=0)
    features = np.array([standing[INDEX[name]] for name in FEATURES]).mean(axis=0)
    assert np.abs(dark - features - way).max() < 1.0


def test_a_face_that_shows_no_ears_stays_as_it_is(standing: Floats) -> None:
    picture, asked = with_head(standing), standing.copy()
    asked[[INDEX[name] for name in FEATURES]] += (4, 0)
    standing[INDEX["left_ear"]] = asked[INDEX["left_ear"]] = np.nan
    still, bent = (bend(picture, pose(standing), pose(other)) for other in (standing, asked))
    assert np.array_equal(still, bent)


def test_a_body_that_bends_does_not_part(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[50:166, 46:82] = (10, 200, 20)
    bowed = standing.copy()
    for name in PLACES:
        if INDEX[name] <= INDEX["right_shoulder"]:  # the head, too
            bowed[INDEX[name]] += (16, 0)
    bent = bend(picture, pose(standing), pose(bowed), (picture != 90).any(axis=-1))
    hips = bent[98:106, 48:80, 1] > 150
    assert hips.mean() > 0.99


def test_shoulders_seen_from_the_side_have_no_points(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[50:104, 44:84] = (10, 200, 20)
    aside = standing.copy()
    for name, (x, y) in PLACES.items():
        aside[INDEX[name]] = (64 + (x - 64) / 14, y)
    aside[[INDEX[name] for name in PLACES if "elbow" in name or "wrist" in name]] = np.nan
    bent = bend(picture, pose(standing), pose(aside), (picture != 90).any(axis=-1))
    wide = (bent[..., 1] > 150).sum(axis=1)  # pixels in each row
    assert wide[52:60].max() < 20 < wide[78]


@pytest.mark.parametrize(("back", "colour"), [(False, (250, 10, 20)), (True, (10, 200, 20))])
def test_arms_are_before_a_chest_and_behind_a_back(
    standing: Floats, back: bool, colour: tuple[int, int, int]
) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[50:104, 46:82] = (10, 200, 20)
    picture[66:90, 96:116] = (250, 10, 20)  # the left forearm
    asked = standing.copy()
    if back:
        for left in [name for name in PLACES if name.startswith("left")]:
            pair = [INDEX[left], INDEX[left.replace("left", "right")]]
            asked[pair] = asked[pair[::-1]]
    asked[INDEX["left_elbow"]], asked[INDEX["left_wrist"]] = (84, 78), (48, 78)
    bent = bend(picture, pose(standing), pose(asked), (picture != 90).any(axis=-1))
    assert np.abs(bent[78, 66].astype(int) - colour).max() < 3


def test_a_figure_is_found_by_its_colours_and_its_pose(standing: Floats) -> None:
    noise = np.random.default_rng(1).normal(scale=12, size=(SIZE[1], SIZE[0], 3))
    figure = np.zeros((SIZE[1], SIZE[0]), bool)
    for rows, columns in (((22, 50), (54, 74)), ((50, 104), (48, 80)), ((104, 166), (46, 82))):
        figure[slice(*rows), slice(*columns)] = True
    arms = [[PLACES[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist")]
            for side in ("left", "right")]  # fmt: skip
    lines = cv2.polylines(np.zeros(figure.shape, np.uint8), np.array(arms), False, 1, 11)
    figure |= lines > 0
    shown = np.where(figure[..., None], (200, 60, 50), (60, 90, 160)) + noise
    picture = shown.clip(0, 255).astype(np.uint8)
    found = find_figure(picture, pose(standing))
    assert (found & figure).sum() / (found | figure).sum() > 0.9
    large = np.repeat(np.repeat(picture, 4, axis=0), 4, axis=1)
    often = [find_figure(large, pose(standing * 4 + 1.5)) for _ in range(2)]
    assert np.array_equal(*often)
    found = often[0][1::4, 1::4]
    assert (found & figure).sum() / (found | figure).sum() > 0.85


def test_a_hand_that_was_not_found_does_not_stay_behind(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), (20, 60, 90), np.uint8)
    glove = np.s_[68:78, 116:126]  # beyond the wrist, bent up, and as blue as nothing else
    picture[glove] = (30, 40, 250)
    figure = np.zeros(picture.shape[:2], bool)
    figure[30:160, 56:72] = figure[74:82, 70:118] = True
    picture[figure] = 240
    found = standing.copy()
    found[LEFT_HAND] = np.linspace((114, 80), (124, 70), 21)
    unknown, known = (Puppet(picture, pose(joints), figure) for joints in (standing, found))
    assert np.abs(unknown.backdrop[glove].astype(int) - (20, 60, 90)).max() < 12
    assert (known.backdrop[glove] == (30, 40, 250)).all(axis=-1).mean() > 0.5


def test_a_wide_sleeve_goes_with_its_arm(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[50:104, 48:80] = (10, 200, 20)
    sleeve = np.array([[77, 47], [91, 55], [100, 68], [92, 74], [78, 62]])
    cv2.fillPoly(picture, [sleeve], (250, 10, 20))
    own, lowered = pose(standing), standing.copy()
    lowered[INDEX["left_elbow"]], lowered[INDEX["left_wrist"]] = (80, 79), (82, 102)
    bent = bend(picture, own, pose(lowered), (picture != 90).any(axis=-1))
    assert tuple(bent[70, 79]) == (250, 10, 20)
    assert not (bent[:53, 82:] == (250, 10, 20)).all(axis=-1).any()


def test_what_is_cut_off_from_a_head_is_not_part_of_it(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[14:44, 54:74] = (230, 180, 160)  # the head
    picture[50:104, 48:80] = (10, 200, 20)
    shard = np.s_[28:40, 79:83]
    picture[shard] = (250, 10, 20)
    figure = (picture != 90).any(axis=-1)
    bent = bend(picture, pose(standing), pose(standing + np.array([6, 11])), figure)
    assert tuple(bent[30 + 11, 64 + 6]) == (230, 180, 160)
    assert not (bent == (250, 10, 20)).all(axis=-1).any()


def test_parts_that_miss_a_joint_are_left_out(standing: Floats) -> None:
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    picture[60:110, :36] = picture[60:110, 92:] = 200  # both forearms
    points, scores = pose(standing + np.array([0, 40]))
    scores = np.where(np.arange(COUNT) == INDEX["left_wrist"], 0.2, scores)
    bent = bend(picture, pose(standing), (points, scores))
    assert not bent[124, 112].any()
    assert tuple(bent[124, 16]) == (200, 200, 200)


@pytest.mark.parametrize("how", ["unseen", "outside"])
def test_a_limb_that_the_picture_lacks_is_the_other_one_mirrored(
    standing: Floats, how: str
) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    picture[60:110, :40] = 200  # the right forearm, with a stripe at its lower side
    picture[80:110, 10:26] = (250, 10, 20)
    own, scores = pose(standing.copy())
    if how == "unseen":
        scores[0, INDEX["left_wrist"]] = 0.2
    else:
        own[0, [INDEX["left_elbow"], INDEX["left_wrist"]]] += (60, 0)
    bent = bend(picture, (own, scores), pose(standing))
    assert tuple(bent[75, 106]) == (200, 200, 200)
    assert np.abs(bent[86, 108].astype(int) - (250, 10, 20)).max() < 40
    assert tuple(bent[86, 20]) == tuple(picture[86, 20])


def test_who_is_cut_off_has_two_halves_alike_and_no_trail(standing: Floats) -> None:
    hair, stripe, wall = (40, 20, 10), (250, 10, 20), (90, 90, 90)
    picture = np.full((SIZE[1], SIZE[0], 3), wall, np.uint8)
    cv2.ellipse(picture, (4, 34), (14, 18), 0, 0, 360, hair, -1)
    picture[28:40, 12:16] = stripe
    figure = (picture != wall).any(axis=-1)
    bent = bend(picture, pose(standing - np.array([60, 0])), pose(standing), figure)
    assert tuple(bent[34, 74]) == stripe
    assert np.abs(bent[34, 54].astype(int) - stripe).max() < 40  # where the picture ends there
    assert tuple(bent[34, 64]) == hair
    assert (bent[24:44, 40:48] == wall).all()


def test_fingers_are_bent_one_by_one(standing: Floats) -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    own = standing.copy()
    joints = np.arange(21)
    finger, joint = np.maximum(joints - 1, 0) // 4, (joints - 1) % 4 + 1
    fan = np.stack([(finger - 2) * 4, -8 - 4 * joint], axis=1) * (joints > 0)[:, None]
    for hand, wrist in ((LEFT_HAND, (90, 40)), (RIGHT_HAND, (38, 40))):
        own[hand] = np.array(wrist) + fan
    asked = own.copy()
    picture[16:29, 88:93] = (250, 250, 10)  # the left middle finger
    asked[LEFT_HAND][10:13] = asked[LEFT_HAND][9] + [(7, 0), (14, 0), (20, 0)]
    bent = bend(picture, pose(own), pose(asked))
    x, y = asked[LEFT_HAND][11].astype(int)
    assert tuple(bent[y, x]) == (250, 250, 10)
    assert tuple(bent[17, 90]) != (250, 250, 10)


def test_persons_are_paired_in_their_order(standing: Floats, picture: Frame) -> None:
    small = standing * 0.4
    two = (np.stack([small, small + np.array([70, 0])]), np.repeat(pose(standing)[1], 2, axis=0))
    bent = bend(picture, two, (two[0][::-1], two[1]))
    assert np.abs(bent[31, 25].astype(int) - picture[31, 95]).max() <= 1


coordinates = st.one_of(
    st.floats(-300, 300), st.floats(), st.sampled_from([0.0, 1e30, -1e30, float("nan")])
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=COUNT, max_size=COUNT), st.booleans())
def test_any_keypoints_give_a_picture(places: list[tuple[float, float]], own: bool) -> None:
    picture = np.full((24, 16, 3), 200, np.uint8)
    wild, plain = np.array(places), np.random.default_rng(0).uniform(0, 16, (COUNT, 2))
    poses = [(points[None], np.ones((1, COUNT))) for points in (wild, plain)]
    bent = bend(picture, *(poses if own else poses[::-1]))
    assert bent.shape == picture.shape
    assert bent.max() <= 200
    assert bent.min() >= round(200 * (1 - SHADE)) - 1  # only plain arms are darker at their edges
