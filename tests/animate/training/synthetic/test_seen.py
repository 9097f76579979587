"""What the renderer draws is seen as a person by a tracker made for photographs."""

from __future__ import annotations

import numpy as np
import pytest

from animate.training.synthetic import Camera, batch, random_person, render
from pose import track

pytest.importorskip("mediapipe")
WRIST = np.array([[[0.55, 0.25, 0.35], [0.55, -0.25, 0.35]]])
PALM = np.array([[[0.0, 0.1, 1.0], [0.0, 0.1, 1.0]]])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 5])
def test_body_hands_and_face_are_found_where_they_are(seed: int) -> None:
    someone = random_person(np.random.default_rng(seed))
    drawn = render(batch(wrist=WRIST, palm=PALM), someone, Camera(width=576, height=1024))
    found = track([drawn.frames[0]] * 2, backend="mediapipe", smooth=0.0)
    points, truth = found.keypoints[1, 0], drawn.keypoints[0]
    torso = np.linalg.norm(truth[5:7].mean(0) - truth[11:13].mean(0))
    for part, most in ((slice(5, 17), 0.2), (slice(91, 112), 0.2), (slice(112, 133), 0.2)):
        assert np.isfinite(points[part]).all()
        assert np.linalg.norm(points[part] - truth[part], axis=-1).mean() < most * torso
    assert np.isfinite(points[23:91]).all()
