"""The real rtmlib and onnxruntime on models that are built here, with answers known before."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.backends import open_backend, resolve_backend, version_of
from pose.backends.dwpose import DWPoseBackend
from pose.errors import BackendError
from pose.skeleton import (
    COUNT,
    INDEX,
    OPENPOSE_BODY,
    OPENPOSE_NECK,
    VISIBLE,
    insert_neck,
    remove_neck,
)

onnx = pytest.importorskip("onnx")
pytest.importorskip("rtmlib")
onnxruntime = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

HERE = Path(__file__).resolve().parent
SIDE = 64  # of the detector's input
WIDTH, HEIGHT = 48, 64  # of the pose model's input
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)


def save(path: Path, nodes: list[Any], constants: dict[str, Any], *, takes: list[Any],
         gives: dict[str, list[Any]]) -> Path:  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, takes)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, to) for name, to in gives.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    # The last of both that onnxruntime 1.18 reads.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def detector(path: Path, boxes: list[list[float]]) -> Path:
    """Finds the boxes (left, top, right, bottom in its input), overlaps already dropped: the first
    if there is blue in the input's top left corner, the second if there is green, and so on."""
    constants = {
        "boxes": np.array(boxes, np.float32)[None],
        "start": np.array([0, 0, 0]),
        "stop": np.array([len(boxes), 2, 2]),
        "axes": np.array([1, 2, 3]),
        "full": np.array(255, np.float32),
        "last": np.array([2]),
    }
    nodes = [
        helper.make_node("Slice", ["input", "start", "stop", "axes"], ["corner"]),
        helper.make_node("ReduceMax", ["corner"], ["most"], axes=[2, 3], keepdims=0),
        helper.make_node("Div", ["most", "full"], ["share"]),
        helper.make_node("Unsqueeze", ["share", "last"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["dets"], axis=2),
    ]
    return save(
        path, nodes, constants, takes=[1, 3, SIDE, SIDE], gives={"dets": [1, len(boxes), 5]}
    )


def raw_detector(path: Path, found: list[tuple[int, list[float], int, float]]) -> Path:
    """YOLOX as trained on COCO, before overlaps are dropped: (cell, box, class, score) each."""
    rows = np.zeros((1, 84, 85), np.float32)
    for cell, (left, top, right, bottom), kind, score in found:  # of the 8x8 cells of 8 pixels
        across, down = cell % 8, cell // 8
        middle = np.array([left + right, top + bottom]) / 2 / 8
        rows[0, cell, :2] = middle - [across, down]
        rows[0, cell, 2:4] = np.log(np.array([right - left, bottom - top]) / 8)
        rows[0, cell, 4] = 1
        rows[0, cell, 5 + kind] = score
    constants = {"rows": rows, "none": np.array(0, np.float32)}
    nodes = [
        helper.make_node("ReduceMax", ["input"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "none"], ["zero"]),
        helper.make_node("Add", ["rows", "zero"], ["output"]),
    ]
    return save(path, nodes, constants, takes=[1, 3, SIDE, SIDE], gives={"output": [1, 84, 85]})


def dot_finder(path: Path, *, gains: tuple[float, float] = (0.9, 0.9), count: int = COUNT) -> Path:
    """Puts keypoint k on the brightest pixel of colour k % 3 (red, green, blue); the peak on each
    axis is its brightness, 0 to 1, times the axis's gain."""
    constants = {
        "std": (STD / 255).reshape(1, 3, 1, 1),
        "mean": (MEAN / 255).reshape(1, 3, 1, 1),
        "colours": np.arange(count) % 3,
        "last": np.array([3]),
    }
    nodes = [
        helper.make_node("Mul", ["input", "std"], ["scaled"]),
        helper.make_node("Add", ["scaled", "mean"], ["light"]),
    ]
    for axis, side, along, gain in (("x", WIDTH, 2, gains[0]), ("y", HEIGHT, 3, gains[1])):
        constants[f"shape_{axis}"] = np.array([1, count, 2 * side])
        constants[f"wide_{axis}"] = np.array([1, count, side, 2])
        constants[f"gain_{axis}"] = np.array(gain, np.float32)
        nodes += [
            helper.make_node("ReduceMax", ["light"], [f"line_{axis}"], axes=[along], keepdims=0),
            helper.make_node("Gather", [f"line_{axis}", "colours"], [f"all_{axis}"], axis=1),
            helper.make_node("Mul", [f"all_{axis}", f"gain_{axis}"], [f"peak_{axis}"]),
            helper.make_node("Unsqueeze", [f"peak_{axis}", "last"], [f"one_{axis}"]),
            helper.make_node("Expand", [f"one_{axis}", f"wide_{axis}"], [f"two_{axis}"]),
            helper.make_node("Reshape", [f"two_{axis}", f"shape_{axis}"], [f"simcc_{axis}"]),
        ]
    gives: dict[str, list[Any]] = {
        "simcc_x": ["batch", count, 2 * WIDTH],
        "simcc_y": ["batch", count, 2 * HEIGHT],
    }
    return save(path, nodes, constants, takes=["batch", 3, HEIGHT, WIDTH], gives=gives)


ONE = [[16.0, 8.0, 48.0, 56.0]]
TWO = [[34.0, 4.0, 62.0, 60.0], [2.0, 8.0, 30.0, 56.0]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One person on blue, names that say nothing."""
    detector(tmp_path / "models" / "a.onnx", ONE)
    return dot_finder(tmp_path / "models" / "b.onnx").parent


def picture(size: tuple[int, int], corner: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Black, with a corner that tells the detector whom to find (red, green, blue)."""
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    frame[: size[1] // 8, : size[0] // 8] = corner
    return frame


def dot(frame: NDArray[np.uint8], place: tuple[float, float], colour: int, light: int = 255) -> Any:
    """A square of a fifteenth of the frame's height; its middle."""
    reach = max(frame.shape[0] // 30, 1)
    x, y = int(place[0] * frame.shape[1]), int(place[1] * frame.shape[0])
    frame[y - reach : y + reach, x - reach : x + reach, colour] = light
    return np.array([x - 0.5, y - 0.5])


SIZES = [(64, 64), (320, 240), (240, 320), (1080, 1920), (7680, 4320), (97, 61)]


@pytest.mark.parametrize("size", SIZES)
def test_keypoints_come_out_in_the_frames_pixels(folder: Path, size: tuple[int, int]) -> None:
    frame = picture(size, (0, 0, 255))
    # The detector's input shows the frame at its top left, so that the box shrinks with it.
    share = np.array([max(size) / size[0], max(size) / size[1]])
    places = [tuple(np.array(p) * share) for p in ((0.4, 0.3), (0.5, 0.4), (0.45, 0.5))]
    expected = [dot(frame, place, colour) for colour, place in enumerate(places)]
    with_backend = open_backend(f"dwpose:{folder}")
    points, scores = with_backend.estimate(frame)
    assert points.shape == (1, COUNT, 2)
    # The square's rim in the model's input, whose pixels are as large as the box makes them.
    box_height = 48 * 1.25 * max(size) / SIDE
    pixel = box_height / HEIGHT
    reach = max(size[1] // 30, 1)
    for colour, middle in enumerate(expected):
        assert np.abs(points[0, colour::3] - middle).max() <= reach + pixel
    assert scores.min() > VISIBLE


@pytest.mark.parametrize("size", [(320, 240), (1280, 720)])
def test_two_persons_keep_their_own_keypoints(tmp_path: Path, size: tuple[int, int]) -> None:
    detector(tmp_path / "yolox.onnx", TWO)
    dot_finder(tmp_path / "pose.onnx")
    frame = picture(size, (0, 255, 255))
    scale = size[0] / SIDE
    right = dot(frame, (0.7, 0.5), 0)
    left = dot(frame, (0.3, 0.5), 0)
    points, _ = open_backend(f"dwpose:{tmp_path}").estimate(frame)
    assert len(points) == 2
    for person, middle in zip(points, (right, left), strict=True):  # the larger one first
        assert np.abs(person[0] - middle).max() <= size[1] // 30 + 2 * scale


def test_only_what_is_detected_well_enough_counts(folder: Path) -> None:
    backend = open_backend(f"dwpose:{folder}")
    found = [len(backend.estimate(picture((64, 64), (0, 0, blue)))[0]) for blue in (255, 80, 70, 0)]
    assert found == [1, 1, 0, 0]  # 80 / 255 is above 0.3, 70 / 255 below


def test_a_frame_without_a_person_has_none(folder: Path) -> None:
    points, scores = open_backend(f"dwpose:{folder}").estimate(np.zeros((48, 64, 3), np.uint8))
    assert points.shape == (0, COUNT, 2)
    assert scores.shape == (0, COUNT)


@pytest.mark.parametrize("size", [(2000, 3), (3, 2000), (1, 1), (16, 16)])
def test_odd_frames_are_no_failure(folder: Path, size: tuple[int, int]) -> None:
    frame = np.full((size[1], size[0], 3), 255, np.uint8)
    points, _ = open_backend(f"dwpose:{folder}").estimate(frame)
    assert points.shape[1:] == (COUNT, 2)


def test_of_all_things_only_persons_count(tmp_path: Path) -> None:
    bus, faint = 5, 0.2
    found = [(27, ONE[0], 0, 0.9), (28, [17.0, 9.0, 49.0, 57.0], 0, 0.8), (9, TWO[0], bus, 0.9),
             (40, TWO[1], 0, faint)]  # fmt: skip
    raw_detector(tmp_path / "yolox.onnx", found)
    dot_finder(tmp_path / "pose.onnx")
    frame = picture((128, 128), (0, 0, 0))
    middle = dot(frame, (0.5, 0.5), 0)
    points, _ = open_backend(f"dwpose:{tmp_path}").estimate(frame)
    assert len(points) == 1
    assert np.abs(points[0, 0] - middle).max() <= 4 + 2


@pytest.mark.parametrize(
    ("gains", "light", "score"),
    [((0.9, 0.9), 255, 0.9), ((0.9, 0.4), 255, 0.4), ((3.0, 2.0), 255, 1.0), ((1.0, 1.0), 51, 0.2)],
)
def test_scores_are_the_smaller_peak_up_to_one(
    tmp_path: Path, gains: tuple[float, float], light: int, score: float
) -> None:
    detector(tmp_path / "yolox.onnx", ONE)
    dot_finder(tmp_path / "pose.onnx", gains=gains)
    frame = picture((192, 192), (0, 0, 255))
    dot(frame, (0.5, 0.5), 0, light)
    points, scores = open_backend(f"dwpose:{tmp_path}").estimate(frame)
    assert scores[0, 0] == pytest.approx(score, abs=1e-4)
    assert scores[0, 1] == 0  # no green there
    assert np.isnan(points[0, 1]).all()


def test_the_neck_follows_the_official_rule(folder: Path) -> None:
    shoulders = [INDEX["left_shoulder"], INDEX["right_shoulder"]]  # 5 and 6: blue and red
    frame = picture((192, 192), (0, 0, 255))
    for colour, place, light in ((0, (0.4, 0.4), 255), (2, (0.6, 0.5), 255)):
        dot(frame, place, colour, light)
    points, scores = open_backend(f"dwpose:{folder}").estimate(frame)
    joints, visible = insert_neck(points, scores)
    np.testing.assert_allclose(joints[0, OPENPOSE_NECK], points[0, shoulders].mean(axis=0))
    assert visible[0, OPENPOSE_NECK] == 1
    dot(frame, (0.6, 0.5), 2, 76)  # 0.9 * 76 / 255 is below 0.3
    _, visible = insert_neck(*open_backend(f"dwpose:{folder}").estimate(frame))
    assert visible[0, OPENPOSE_NECK] == 0


def test_order_and_threshold_are_the_official_ones() -> None:
    with np.load(HERE.parents[1] / "golden" / "pose_draw" / "data.npz") as data:
        cases = [name.removesuffix(".keypoints_px") for name in data.files if "points_px" in name]
        for case in cases:
            official, shown = data[f"{case}.keypoints_px"], data[f"{case}.scores"]
            ours = insert_neck(*remove_neck(official, shown))
            for mine, theirs in zip(ours, (official, shown), strict=True):
                kept = np.arange(len(theirs[0])) != OPENPOSE_NECK
                np.testing.assert_array_equal(mine[:, kept], theirs[:, kept])
            seen = shown[:, OPENPOSE_BODY] > VISIBLE
            np.testing.assert_array_equal(data[f"{case}.subset"] >= 0, seen)
    assert cases


def test_the_version_names_the_files(folder: Path) -> None:
    name = f"dwpose:{folder}"
    stated = version_of(name)
    assert stated.startswith("rtmlib ")
    assert "a.onnx " in stated
    assert version_of(open_backend(name)) == stated
    dot_finder(folder / "b.onnx", gains=(0.5, 0.5))
    assert version_of(name) != stated


def test_known_names_win_in_a_full_folder(folder: Path) -> None:
    for name, copy in (("a.onnx", "yolox_l.onnx"), ("b.onnx", "dw-ll_ucoco_384.onnx")):
        shutil.copy(folder / name, folder / copy)
    assert "yolox_l.onnx" in version_of(f"dwpose:{folder}")
    shutil.copy(folder / "b.onnx", folder / "c.onnx")
    (folder / "dw-ll_ucoco_384.onnx").unlink()
    with pytest.raises(BackendError, match=r"several pose models, leave one: b\.onnx, c\.onnx"):
        open_backend(f"dwpose:{folder}")


def test_what_is_missing_is_named(folder: Path, tmp_path: Path) -> None:
    for files, complaint in (("a.onnx", "no pose model"), ("b.onnx", "no detector model")):
        there = tmp_path / files
        there.mkdir()
        shutil.copy(folder / files, there)
        with pytest.raises(BackendError, match=rf"{complaint} \({files}\); expected are a YOLOX"):
            open_backend(f"dwpose:{there}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackendError, match="has no ONNX files"):
        open_backend(f"dwpose:{tmp_path / 'empty'}")
    with pytest.raises(BackendError, match="is no folder"):
        open_backend(f"dwpose:{tmp_path / 'nowhere'}")


@pytest.mark.parametrize("name", ["b.onnx", "dw-ll_ucoco_384.onnx"])
def test_a_damaged_file_is_told(folder: Path, name: str) -> None:
    content = (folder / "b.onnx").read_bytes()
    (folder / "b.onnx").unlink()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(
        BackendError, match=rf"{name} cannot be read as an ONNX model .*fetch it"
    ) as e:
        open_backend(f"dwpose:{folder}")
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", ["b.onnx", "dw-ll_ucoco_384.onnx"])
def test_a_model_of_other_keypoints_is_refused(folder: Path, name: str) -> None:
    (folder / "b.onnx").unlink()
    dot_finder(folder / name, count=17)
    with pytest.raises(BackendError, match=r"gives .*17x96 and .*17x128; expected are"):
        open_backend(f"dwpose:{folder}")


def test_a_known_name_on_the_wrong_model_is_refused(folder: Path) -> None:
    (folder / "b.onnx").rename(folder / "yolox_l.onnx")
    (folder / "a.onnx").rename(folder / "dw-ll_ucoco_384.onnx")
    with pytest.raises(BackendError, match=r"yolox_l\.onnx is not a model that dwpose knows"):
        open_backend(f"dwpose:{folder}")


def test_asked_for_cuda_that_is_not_there_is_an_error(folder: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(BackendError, match=r"CUDA was asked for.*pip install onnxruntime-gpu"):
        open_backend(f"dwpose:{folder}@cuda")


def test_unknown_devices_are_told(folder: Path) -> None:
    with pytest.raises(BackendError, match=r"expected device auto \| cpu \| cuda, got 'gpu'"):
        DWPoseBackend(str(folder), device="gpu")


@pytest.fixture
def promised(monkeypatch: pytest.MonkeyPatch) -> None:
    """An onnxruntime that offers CUDA, which then does not start."""
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)


@pytest.mark.usefixtures("promised")
def test_cuda_that_does_not_start_is_an_error_or_a_line(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BackendError, match="CUDA was asked for and did not start"):
        open_backend(f"dwpose:{folder}@cuda")
    assert not caplog.records
    for _ in range(2):
        assert vars(open_backend(f"dwpose:{folder}"))["device"] == "cpu"
    (line,) = [record.getMessage() for record in caplog.records]
    assert "runs on the CPU" in line
    assert "fell back" in line


def test_the_cpu_is_silent_when_asked_for(
    folder: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        open_backend(f"dwpose:{folder}@cpu").estimate(picture((64, 64), (0, 0, 255)))
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_a_closed_backend_says_so(folder: Path) -> None:
    backend = open_backend(f"dwpose:{folder}")
    backend.close()
    backend.close()
    with pytest.raises(BackendError, match="closed"):
        backend.estimate(picture((64, 64), (0, 0, 255)))


def test_auto_takes_dwpose_when_its_files_are_here(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("ANIMATE_MODELS", str(home))
    for variable in ("XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    assert resolve_backend("auto") == "mediapipe"
    shutil.copytree(folder, home)
    (home / "a.onnx").rename(home / "yolox_l.onnx")
    assert resolve_backend("auto") == "mediapipe"
    (home / "b.onnx").rename(home / "dw-ll_ucoco_384.onnx")
    assert resolve_backend("auto") == "dwpose"
    assert open_backend("auto").name == "dwpose"
