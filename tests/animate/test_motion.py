"""Skeletons in the result's frame, from poses that are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animate.config import Settings
from animate.framing import Framing
from animate.motion import Found, Motion, with_reference
from pose.puppet import Puppet
from pose.skeleton import COUNT, PoseSequence
from pose.video import load_image


@pytest.fixture
def motion() -> Motion:
    """A reference frame on the left and two clip frames on the right of a 64x96 picture."""
    rng = np.random.default_rng(0)
    figure = rng.uniform((4, 8), (28, 88), (COUNT, 2))
    right = figure + np.array([32, 0])
    keypoints = np.stack([figure, right, right])[:, None]
    steering = PoseSequence(
        keypoints=keypoints, scores=np.ones((3, 1, COUNT)), size=(64, 96), fps=24.0
    )
    return Motion(
        tracked=steering,
        steering=steering,
        reference=steering.take([0], 24.0),
        drawn=None,
        framing=Framing((64, 96), (64, 96)),
        lead=1,
        look="soft",
    )


def test_control_is_frames_in_unit_range(motion: Motion) -> None:
    control = motion.control(0, 3)
    assert tuple(control.shape) == (3, 3, 96, 64)
    assert 0.0 == control.min() < control.max() <= 1.0


def test_control_begins_with_the_reference(motion: Motion) -> None:
    columns = motion.control(0, 2).amax(dim=(1, 2)) > 0.2
    assert columns[0, :32].any()
    assert not columns[0, 34:].any()
    assert columns[1, 32:].any()


def test_reference_has_its_own_control(motion: Motion) -> None:
    own = motion.reference_control()
    assert own is not None
    assert own.equal(motion.control(0, 1)[0])
    assert replace(motion, reference=None).reference_control() is None


def test_drafts_are_the_reference_in_the_frames_poses(motion: Motion) -> None:
    picture = np.zeros((96, 64, 3), np.uint8)
    picture[:, :32] = 200  # where the figure is
    assert motion.drafts is None
    assert motion.reference is not None
    drafts = replace(motion, puppet=Puppet(picture, motion.reference.frame(0))).drafts
    assert drafts is not None
    drawn = drafts(0, 3)
    assert tuple(drawn.shape) == (3, 3, 96, 64)
    lit = drawn.amax(dim=(1, 2)) > 0.7
    assert lit[0, 10:20].all()
    assert lit[1, 42:52].all()
    assert drafts(1, 3).equal(drawn[1:])


def test_windows_see_the_same_as_the_whole_clip(motion: Motion) -> None:
    assert (motion.control(1, 3) == motion.control(0, 3)[1:]).all()


def test_drawings_for_people_leave_the_reference_out(motion: Motion) -> None:
    drawn = motion.draw(0)
    assert drawn.shape == (96, 64, 3)
    assert not drawn[:, :30].any()
    assert motion.draw(1, size=(320, 480)).shape == (480, 320, 3)


def test_finished_skeletons_go_with_the_body_in_the_reference(hero: Path) -> None:
    picture = load_image(hero)
    nobody = Found(tracked=None, reference=None)
    seen = with_reference(nobody, picture, Settings()).reference
    assert seen is not None
    assert (seen.scores[0] > 0).any()
    unseen = with_reference(nobody, np.zeros_like(picture), Settings()).reference
    assert unseen is not None
    assert not unseen.people


def test_a_known_body_is_not_looked_for_again(motion: Motion) -> None:
    found = Found(tracked=None, reference=motion.reference)
    assert with_reference(found, np.zeros((96, 64, 3), np.uint8), Settings()) is found
