"""How good is an animated clip? Motion, character, steadiness, and fidelity to a truth.

Contents
    evaluate, evaluate_run    a video, or a run's result -> Evaluation          films
    judge, Case               the same from frames and poses in memory          judging
    Evaluation                all figures, findings, verdict, lines             evaluation
    compare_motion            poses against poses: PCK, recall, lag             motion
    compare_looks             colours and texture against the reference         identity
    flicker, seam_ratio       is it steady?                                     steadiness
    psnr, ssim, iou           against the truth                                 fidelity
    silhouettes               which pixels show the figure                      regions
"""

from __future__ import annotations

from animate.judge.evaluation import LIMITS, Evaluation, Finding
from animate.judge.fidelity import iou, psnr, ssim
from animate.judge.films import evaluate, evaluate_run
from animate.judge.identity import compare_looks
from animate.judge.judging import Case, follow, judge, track_result
from animate.judge.motion import MotionFigures, compare_motion, find_lag
from animate.judge.regions import silhouettes
from animate.judge.steadiness import drift, flicker, seam_ratio, times_truth

__all__ = [
    "LIMITS",
    "Case",
    "Evaluation",
    "Finding",
    "MotionFigures",
    "compare_looks",
    "compare_motion",
    "drift",
    "evaluate",
    "evaluate_run",
    "find_lag",
    "flicker",
    "follow",
    "iou",
    "judge",
    "psnr",
    "seam_ratio",
    "silhouettes",
    "ssim",
    "times_truth",
    "track_result",
]
