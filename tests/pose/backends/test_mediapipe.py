from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np

from pose.backends.mediapipe import BLAZEPOSE, BODY_FROM, BODY_TO, FACE_MESH, wholebody
from pose.skeleton import BODY, COUNT, FACE, INDEX, LEFT_HAND, RIGHT_HAND


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
