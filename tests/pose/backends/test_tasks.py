from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mediapipe
import numpy as np
import pytest
from mediapipe.tasks.python.vision import holistic_landmarker

from pose import BackendError, open_video
from pose.backends import version_of
from pose.backends.bundles import holistic_bundle
from pose.backends.mediapipe import COMPLEXITY, wholebody
from pose.backends.tasks import TasksBackend, lacks_solutions, open_tasks, task_version
from pose.models import locate
from pose.quiet import quiet_stderr
from pose.skeleton import BODY, FACE, INDEX, LEFT_HAND, RIGHT_HAND, Floats, Frame

DANCE = Path(__file__).resolve().parents[3] / "samples" / "dance.mp4"
DANCE_SIZE = (576, 864)
PARTS = (BODY, FACE, LEFT_HAND, RIGHT_HAND)
OTHER = {"left": "right", "right": "left"}
Opened = Callable[..., TasksBackend]

needs_solutions = pytest.mark.skipif(lacks_solutions(), reason="this MediaPipe has no Solutions")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A bundle of the wheel's models, or the fetched one.

    MediaPipe 0.10 ends the process when it reads the packet of a missing hand; mended here.
    """
    if lacks_solutions():
        fetched = locate("mediapipe-holistic")
        if fetched is None:
            pytest.skip("holistic_landmarker.task is not there")
        yield fetched
        return
    path = tmp_path_factory.mktemp("task") / "holistic_landmarker.task"
    path.write_bytes(holistic_bundle())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holistic_landmarker, "_build_landmarker_result", read_packets)
        yield path


def read_packets(packets: Any) -> Any:
    get = holistic_landmarker.packet_getter.get_proto
    return SimpleNamespace(
        **{
            name: [] if packet.is_empty() else get(packet).landmark
            for name, packet in packets.items()
            if name.endswith("_landmarks")
        }
    )


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return list(islice(open_video(DANCE), 12))


@pytest.fixture
def opened(task: Path) -> Iterator[Opened]:
    backends: list[TasksBackend] = []

    def make(static: bool = False) -> TasksBackend:
        backends.append(TasksBackend(task, static=static))
        return backends[-1]

    yield make
    for backend in backends:
        backend.close()


def from_solution(frames: list[Frame], static: bool) -> list[tuple[Floats, Floats]]:
    """What MediaPipe 0.10's Holistic sees in them."""
    settings = {"static_image_mode": static, "model_complexity": COMPLEXITY}
    with quiet_stderr(), mediapipe.solutions.holistic.Holistic(**settings) as solution:
        return [wholebody(solution.process(frame), DANCE_SIZE) for frame in frames]


def furthest(a: Floats, b: Floats, part: slice) -> float:
    """The largest distance of a keypoint from the same one, in heights of the frame."""
    distances = np.linalg.norm(a[..., part, :] - b[..., part, :], axis=-1)
    return float(np.nanmax(distances)) / DANCE_SIZE[1]


@needs_solutions
@pytest.mark.parametrize(("static", "count", "limit"), [(True, 1, 0.003), (False, 12, 0.01)])
def test_the_task_sees_what_the_solution_sees(
    opened: Opened, frames: list[Frame], static: bool, count: int, limit: float
) -> None:
    backend = opened(static=static)
    for frame, (points, scores) in zip(frames, from_solution(frames[:count], static), strict=False):
        found, values = backend.estimate(frame)
        assert ((values > 0) == (scores > 0)).all()
        np.testing.assert_allclose(values, scores, atol=0.02)
        assert max(furthest(found, points, part) for part in PARTS) < limit


def test_left_is_the_persons_own(opened: Opened, frames: list[Frame]) -> None:
    points, _ = opened().estimate(frames[0])
    for side, part in (("left", LEFT_HAND), ("right", RIGHT_HAND)):
        wrist, other = (points[0, INDEX[f"{one}_wrist"]] for one in (side, OTHER[side]))
        root = points[0, part.start]
        assert np.linalg.norm(root - wrist) < 0.2 * np.linalg.norm(root - other)


def test_static_looks_at_every_picture_alone(opened: Opened, frames: list[Frame]) -> None:
    backend, fresh = opened(static=True), opened(static=True)
    backend.estimate(frames[0])
    again, alone = backend.estimate(frames[-1]), fresh.estimate(frames[-1])
    np.testing.assert_array_equal(again[0], alone[0])


def test_a_clip_goes_on_after_a_black_frame(opened: Opened, frames: list[Frame]) -> None:
    backend = opened()
    shown = (frames[0], np.zeros_like(frames[0]), frames[1])
    assert [len(backend.estimate(frame)[0]) for frame in shown] == [1, 0, 1]


def test_a_closed_backend_says_so(opened: Opened, frames: list[Frame]) -> None:
    backend = opened()
    backend.close()
    backend.close()
    with pytest.raises(BackendError, match="closed; open another"):
        backend.estimate(frames[0])


def test_a_file_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "holistic_landmarker.task"
    path.write_bytes(b"not a bundle")
    with pytest.raises(BackendError, match=rf"{path}.*zip.*animate models fetch"):
        TasksBackend(path)
    with pytest.raises(BackendError, match=r"none\.task: there is no such file.*models fetch"):
        TasksBackend(tmp_path / "none.task")


def test_a_wheel_without_models_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mediapipe-1.2.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mediapipe/__init__.py", "")
    with pytest.raises(BackendError, match=r"mediapipe==0\.10\.21"):
        TasksBackend(path)


def test_without_solutions_the_file_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(mediapipe, "solutions", raising=False)
    for variable in ("ANIMATE_MODELS", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(BackendError, match="not there; run `animate models fetch mediapipe-hol"):
        open_tasks(False)


@needs_solutions
def test_a_mediapipe_with_models_needs_no_file(task: Path) -> None:
    with pytest.raises(BackendError, match="use --pose-backend mediapipe without a file"):
        open_tasks(False, task)


@needs_solutions
def test_a_wheel_serves_as_the_file(task: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "mediapipe-0.10.21-cp312-cp312-linux_x86_64.whl"
    folder = Path(mediapipe.__file__).parent
    with zipfile.ZipFile(wheel, "w") as archive:
        for model in folder.glob("modules/*/*.tflite"):
            archive.write(model, model.relative_to(folder.parent).as_posix())
    made, expected = (zipfile.ZipFile(io.BytesIO(one)) for one in (holistic_bundle(wheel),
                      task.read_bytes()))  # fmt: skip
    assert [(one.filename, one.CRC) for one in made.infolist()] == [
        (one.filename, one.CRC) for one in expected.infolist()
    ]


def test_the_version_is_known_without_opening(opened: Opened, task: Path) -> None:
    assert task_version(task) == opened().version == version_of(f"mediapipe:{task}")
