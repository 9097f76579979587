"""The figures of held-out trials whose result is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animate.judge import silhouettes
from animate.training.held_out import Trial, closed_loop, figures, sheet
from pose.skeleton import PoseSequence


@pytest.fixture(scope="module")
def trial(dance: Path) -> Trial:
    """Four frames of the sample's dance as truth, and as the result."""
    from pose.track import track
    from pose.video import open_video

    clip = open_video(dance, frames=4)
    frames = np.stack([frame[::4, ::4] for frame in clip])
    figure = silhouettes(frames)
    assert 0.05 < figure.mean() < 0.5
    return Trial(reference=frames[0], skeleton=np.zeros_like(frames), truth=frames, figure=figure,
                 drafts=frames // 2, result=frames, off=np.full_like(frames, 128),
                 poses=track(frames))  # fmt: skip


def test_the_truth_itself_is_perfect(trial: Trial) -> None:
    found = figures([trial])
    assert (found["iou"], found["ssim"], found["flicker"]) == pytest.approx((1, 1, 1))
    assert found["psnr"] > found["psnr_copy"] > found["psnr_control_off"]
    assert found["psnr"] > found["psnr_draft"]
    assert found["iou_control_off"] < 0.1


def test_the_overlap_is_with_the_exact_figure(trial: Trial) -> None:
    lower = trial.figure & (np.arange(trial.figure.shape[1]) >= 130)[:, None]
    assert 0.1 < figures([replace(trial, figure=lower)])["iou"] < 0.9


def test_the_closed_loop_sees_the_result_it_is_given(trial: Trial) -> None:
    right = closed_loop([trial])
    off = closed_loop([trial], lambda one: one.off, by_tracker=True)
    assert (right["body"], right["worst"], right["found"]) == (1, 1, 1)
    assert (off["body"], off["found"]) == (0, 0)
    assert (off["readable"], off["readable_trials"]) == (0, 1)
    astray = replace(trial, poses=replace(trial.poses, keypoints=trial.poses.keypoints[:, :, ::-1]))
    assert closed_loop([astray], by_tracker=True)["readable_trials"] == 0


def test_nobody_to_follow_is_no_number(trial: Trial) -> None:
    empty = replace(trial, poses=PoseSequence.empty(trial.poses.size, 4))
    assert np.isnan(closed_loop([empty])["body"])


def test_the_sheet_has_four_rows(trial: Trial) -> None:
    height, width = trial.reference.shape[:2]
    assert sheet([trial], columns=2).shape == (4 * height, 2 * width, 3)
