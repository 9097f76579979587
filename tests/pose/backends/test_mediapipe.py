from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pose.backends.hand_search import mend_hands
from pose.backends.mediapipe import (
    BLAZEPOSE,
    BODY_FROM,
    BODY_TO,
    FACE_MESH,
    MediaPipeBackend,
    wholebody,
)
from pose.backends.tasks import lacks_solutions
from pose.errors import BackendError
from pose.skeleton import BODY, COUNT, FACE, INDEX, LEFT_HAND, RIGHT_HAND, Frame
from pose.video import open_video

needs_solutions = pytest.mark.skipif(lacks_solutions(), reason="this MediaPipe has no Solutions")


def marks(count: int, start: float = 0.0) -> Any:
    """Landmarks on a diagonal, so that each is told by its place."""
    return SimpleNamespace(
        landmark=[
            SimpleNamespace(x=start + i / 1000, y=start + i / 2000, visibility=i / 100)
            for i in range(count)
        ]
    )


def found(**parts: Any) -> Any:
    names = ("pose_landmarks", "left_hand_landmarks", "right_hand_landmarks", "face_landmarks")
    return SimpleNamespace(**{name: parts.get(name) for name in names})


def test_tables_name_each_joint_once() -> None:
    assert len(set(BODY_TO)) == len(set(BODY_FROM)) == len(BLAZEPOSE) == 21
    assert set(range(BODY.stop)) <= set(BODY_TO)
    for name, index in BLAZEPOSE.items():
        if name.startswith("left_") and name != "left_eye":
            assert BLAZEPOSE[name.replace("left", "right")] == index + 1


def test_face_points_are_distinct_vertices_of_the_mesh() -> None:
    assert len(set(FACE_MESH)) == 68
    assert FACE_MESH.max() < 468


def test_parts_land_in_their_places() -> None:
    result = found(
        pose_landmarks=marks(33),
        left_hand_landmarks=marks(21, 0.2),
        face_landmarks=marks(468, 0.5),
    )
    keypoints, scores = wholebody(result, (1000, 2000))
    assert keypoints.shape == (1, COUNT, 2)
    np.testing.assert_allclose(keypoints[0, INDEX["right_knee"]], [26, 26])
    assert scores[0, INDEX["right_knee"]] == 0.26
    np.testing.assert_allclose(keypoints[0, LEFT_HAND.start + 4], [204, 404])
    np.testing.assert_allclose(keypoints[0, FACE][8], [500 + 152, 1000 + 152])
    assert (scores[0, LEFT_HAND] > 0.5).all()
    assert not scores[0, RIGHT_HAND].any()
    assert np.isnan(keypoints[0, RIGHT_HAND]).all()


def test_small_toes_stay_missing() -> None:
    keypoints, scores = wholebody(found(pose_landmarks=marks(33)), (10, 10))
    assert np.isnan(keypoints[0, INDEX["left_small_toe"]]).all()
    assert scores[0, INDEX["right_small_toe"]] == 0


def test_nobody_is_an_empty_result() -> None:
    keypoints, scores = wholebody(found(face_landmarks=marks(468)), (10, 10))
    assert keypoints.shape == (0, COUNT, 2)
    assert scores.shape == (0, COUNT)


def test_the_package_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'mediapipe', 'decord', 'PIL', 'tensorflow', 'jax'}"
    code = f"import sys, pose; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def frames(dance: Path) -> list[Frame]:
    return list(islice(open_video(dance), 4))


@pytest.fixture(scope="module")
def backend() -> Iterator[MediaPipeBackend]:
    opened = MediaPipeBackend(static=True)
    yield opened
    opened.close()


@needs_solutions
@pytest.mark.parametrize("size", [(300, 200), (500, 1), (1, 1), (0, 10), (16, 3000)])
def test_frames_without_anybody_show_nobody(
    backend: MediaPipeBackend, size: tuple[int, int]
) -> None:
    keypoints, scores = backend.estimate(np.zeros((*size, 3), np.uint8))
    assert keypoints.shape == (0, COUNT, 2)
    assert scores.shape == (0, COUNT)


@needs_solutions
def test_frames_may_change_their_size(backend: MediaPipeBackend, frames: list[Frame]) -> None:
    backend.estimate(np.zeros((40, 30, 3), np.uint8))
    large, _ = backend.estimate(frames[0])
    small, _ = backend.estimate(np.ascontiguousarray(frames[0][::2, ::2]))
    torso = np.ptp(large[0, BODY, 1]) / 3
    assert np.abs(2 * small[0, BODY] - large[0, BODY]).max() < 0.1 * torso


@needs_solutions
def test_a_lost_hand_is_found_again(backend: MediaPipeBackend, frames: list[Frame]) -> None:
    keypoints, scores = (array[0] for array in backend.estimate(frames[0]))
    before = keypoints[LEFT_HAND].copy()
    keypoints[LEFT_HAND], scores[LEFT_HAND] = np.nan, 0.0
    mend_hands(frames[0], keypoints, scores, backend.find_hands)
    size = np.linalg.norm(np.ptp(before, axis=0))
    assert np.linalg.norm(keypoints[LEFT_HAND] - before, axis=-1).mean() < 0.1 * size
    assert (scores[LEFT_HAND] > 0.4).all()


@needs_solutions
def test_the_same_frames_give_the_same_poses(frames: list[Frame]) -> None:
    runs = []
    for _ in range(2):
        opened = MediaPipeBackend()
        runs.append([opened.estimate(frame) for frame in frames])
        opened.close()
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first[0], second[0])
        np.testing.assert_array_equal(first[1], second[1])


@needs_solutions
def test_a_closed_backend_says_so(frames: list[Frame]) -> None:
    opened = MediaPipeBackend()
    opened.close()
    opened.close()
    with pytest.raises(BackendError, match="closed"):
        opened.estimate(frames[0])


@needs_solutions
def test_nothing_is_written_to_the_terminal() -> None:
    code = (
        "import numpy as np; from pose.backends.mediapipe import BLANK, MediaPipeBackend as B\n"
        "b = B(); b.estimate(BLANK); b.find_hands(BLANK); b.close()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
