from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
import pytest
from mediapipe.tasks import python as tasks
from mediapipe.tasks.python import vision

from pose import BackendError, open_video
from pose.backends import bundles
from pose.quiet import quiet_stderr
from pose.skeleton import Frame

pytestmark = pytest.mark.skipif(
    not hasattr(mediapipe, "solutions"), reason="this MediaPipe brings no models"
)

DANCE = Path(__file__).resolve().parents[3] / "samples" / "dance.mp4"


@pytest.fixture(scope="module")
def dancer() -> Frame:
    return next(iter(open_video(DANCE)))


def places(marks: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([(mark.x, mark.y) for mark in marks])


def options(bundle: bytes) -> Any:
    return tasks.BaseOptions(model_asset_buffer=bundle)


def members(bundle: bytes) -> dict[str, int]:
    """The checksum of each model in a bundle."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {one.filename: one.CRC for one in archive.infolist()}


def picture(frame: Frame) -> Any:
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=frame)


@pytest.mark.parametrize("bundle", [bundles.pose_bundle, bundles.hand_bundle,
                                    bundles.holistic_bundle])  # fmt: skip
def test_members_are_whole_models_and_not_compressed(bundle: Callable[[], bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle())) as archive:
        assert archive.testzip() is None
        for member in archive.infolist():
            assert member.compress_type == zipfile.ZIP_STORED
            assert archive.read(member)[4:8] == b"TFL3"


def test_pose_bundle_gives_what_the_solution_gives(dancer: Frame) -> None:
    with quiet_stderr():
        with mediapipe.solutions.pose.Pose(static_image_mode=True) as solution:
            expected = solution.process(dancer).pose_landmarks.landmark
        settings = vision.PoseLandmarkerOptions(base_options=options(bundles.pose_bundle()))
        with vision.PoseLandmarker.create_from_options(settings) as landmarker:
            (found,) = landmarker.detect(picture(dancer)).pose_landmarks
    off = np.linalg.norm(places(found) - places(expected), axis=1)
    assert np.median(off) < 1e-3  # a thousandth of the picture
    assert off.max() < 0.02
    visible = [mark.visibility for mark in expected]
    np.testing.assert_allclose([mark.visibility for mark in found], visible, atol=1e-2)


def test_pose_bundle_finds_two_persons(dancer: Frame) -> None:
    two = np.ascontiguousarray(np.concatenate([dancer, dancer[:, ::-1]], axis=1))
    settings = vision.PoseLandmarkerOptions(
        base_options=options(bundles.pose_bundle()), num_poses=4
    )
    with quiet_stderr(), vision.PoseLandmarker.create_from_options(settings) as landmarker:
        found = landmarker.detect(picture(two)).pose_landmarks
    assert sorted(places(person)[0, 0] > 0.5 for person in found) == [False, True]


def test_hand_bundle_finds_the_hands_that_the_pose_has(dancer: Frame) -> None:
    with quiet_stderr():
        with mediapipe.solutions.holistic.Holistic(static_image_mode=True) as solution:
            body = solution.process(dancer)
        settings = vision.HandLandmarkerOptions(
            base_options=options(bundles.hand_bundle()), num_hands=2
        )
        with vision.HandLandmarker.create_from_options(settings) as landmarker:
            hands = [places(hand) for hand in landmarker.detect(picture(dancer)).hand_landmarks]
    known = [places(hand.landmark) for hand in (body.left_hand_landmarks,
             body.right_hand_landmarks) if hand is not None]  # fmt: skip
    assert hands
    for hand in hands:
        assert min(np.abs(hand - other).max() for other in known) < 0.03


def test_missing_models_are_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bundles.HAND, "hand_detector.tflite", "palm_detection/none.tflite")
    with pytest.raises(BackendError, match=r"none\.tflite.*pip install mediapipe==0\.10\.21"):
        bundles.hand_bundle.__wrapped__()


def test_without_the_wheels_models_the_fetched_task_gives_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "holistic_landmarker.task").write_bytes(bundles.holistic_bundle())
    expected = members(bundles.pose_bundle())
    monkeypatch.setenv("ANIMATE_MODELS", str(tmp_path))
    monkeypatch.setitem(bundles.POSE, "pose_detector.tflite", "none.tflite")
    assert members(bundles.pose_bundle.__wrapped__()) == expected
