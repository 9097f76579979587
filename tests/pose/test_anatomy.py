from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pose.anatomy import HALVES, PARTS, body_size
from pose.skeleton import BODY, COUNT, INDEX


def test_the_size_is_the_torso(standing: Any) -> None:
    hips, shoulders = 0.55, 0.28
    assert body_size(100 * standing[0][None, None]) == pytest.approx([100 * (hips - shoulders)])


def test_a_body_without_hips_is_measured_by_its_shoulders(standing: Any) -> None:
    points = standing[0][None, None].copy()
    points[:, :, [INDEX["left_hip"], INDEX["right_hip"]]] = np.nan
    assert body_size(points) == pytest.approx([1.35 * 0.2])


def test_a_hand_alone_has_a_size_and_nobody_has_none(standing: Any) -> None:
    points = np.tile(standing[0], (1, 2, 1, 1))
    points[:, 0, :91] = np.nan
    points[:, 1] = np.nan
    size = body_size(points)
    assert size[0] > 0
    assert size[1] == 0


def test_every_keypoint_with_a_side_has_one_counterpart() -> None:
    pairs = np.concatenate([half.mirror for half in HALVES.values()])
    sided = [j for name, j in INDEX.items() if name != "nose"] + list(range(91, COUNT))
    assert sorted(pairs.ravel()) == sorted(sided)


def test_parts_hold_each_keypoint_at_most_once_and_no_limb() -> None:
    joints = np.concatenate([part.joints for part in PARTS])
    assert len(set(joints)) == len(joints) == COUNT - BODY.stop
    assert joints.min() == BODY.stop
