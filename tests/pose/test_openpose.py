from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose.errors import NoPersonError, PoseError, PoseFileError
from pose.openpose import MOST_FILE_BYTES, find_json, read_openpose, save_openpose
from pose.openpose_format import BODY_KEY
from pose.skeleton import COUNT, PoseSequence

Write = Callable[..., Path]


def sequence(seed: int = 0, frames: int = 3, people: int = 2, **facts: Any) -> PoseSequence:
    """Random poses of which a third is missing; somebody is in the last frame."""
    rng = np.random.default_rng(seed)
    keypoints = rng.normal(300, 200, (frames, people, COUNT, 2))
    gone = rng.random((frames, people, 1)) < 1 / 3
    gone[-1] = False
    keypoints[gone | (rng.random(keypoints.shape[:3]) < 1 / 3)] = np.nan
    scores = np.where(np.isnan(keypoints[..., 0]), 0.0, rng.uniform(0.01, 1, keypoints.shape[:3]))
    chosen = {"size": (640, 480), "fps": 25.0} | facts
    return PoseSequence(keypoints=keypoints, scores=scores, **chosen)


def someone(x: float = 100.0, y: float = 50.0, **more: Any) -> dict[str, Any]:
    """A person of 18 joints on a diagonal from (x, y) on."""
    return {BODY_KEY: [v for i in range(18) for v in (x + i, y + i, 0.9)], **more}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files by name, each with the given JSON content, and get their folder."""

    def files(**contents: Any) -> Path:
        for name, content in contents.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / f"{name}.json").write_text(text)
        return tmp_path

    return files


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3),
       st.floats(0.01, 1000), st.booleans())  # fmt: skip
def test_what_the_format_holds_comes_back_exactly(
    seed: int, frames: int, people: int, fps: float, far: bool
) -> None:
    ids = tuple(range(3, 3 + people))
    poses = sequence(seed, frames, people, fps=fps, ids=ids, size=(3000, 20) if far else (640, 480))
    with tempfile.TemporaryDirectory() as folder:
        save_openpose(Path(folder) / "out", poses)
        back = read_openpose(Path(folder) / "out")
    assert np.array_equal(back.keypoints, poses.keypoints, equal_nan=True)
    assert np.array_equal(back.scores, poses.scores)
    assert (back.size, back.fps, back.ids) == (poses.size, poses.fps, poses.ids)
    assert np.array_equal(back.crowd, poses.crowd)


def test_files_are_named_as_openpose_names_them(tmp_path: Path) -> None:
    save_openpose(tmp_path / "out", sequence(source="my dance.mp4"))
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        f"my_dance_{index:012d}_keypoints.json" for index in range(3)
    ]
    content = json.loads((tmp_path / "out" / "my_dance_000000000002_keypoints.json").read_text())
    assert content["version"] == 1.3
    assert [len(entry[BODY_KEY]) for entry in content["people"]] == [75, 75]


def test_an_empty_folder_is_filled_and_a_full_one_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    save_openpose(tmp_path / "out", sequence())
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(PoseFileError, match="exists already"):
        save_openpose(tmp_path / "out", sequence(frames=1))
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_all_files_or_none(tmp_path: Path) -> None:
    poses = sequence()
    object.__setattr__(poses, "fps", float("nan"))  # no JSON: fails at the first frame
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_openpose(tmp_path / "out", poses)
    assert not list(tmp_path.iterdir())
    with pytest.raises(PoseFileError, match="cannot be written"):
        save_openpose(tmp_path / "nowhere" / "out", sequence())


def test_files_follow_their_numbers(write: Write) -> None:
    folder = write(**{f"a{n}_keypoints": {"people": [someone(x=100 * n)]} for n in (10, 9, 11)})
    poses = read_openpose(folder)
    assert poses.keypoints[:, 0, 0, 0].tolist() == [900, 1000, 1100]
    assert poses.times.tolist() == [0, 0.04, 0.08]


def test_missing_numbers_are_frames_without_a_person(write: Write) -> None:
    folder = write(**{f"a_{n:012d}_keypoints": {"people": [someone()]} for n in (5, 6, 9)})
    poses = read_openpose(folder, fps=10)
    assert (len(poses), poses.empty_frames) == (5, (2, 3))
    assert poses.crowd.tolist() == [1, 1, 0, 0, 1]
    assert poses.times[-1] == 0.4


def test_evenly_spaced_numbers_have_no_gaps(write: Write) -> None:
    folder = write(**{f"a_{n}_keypoints": {"people": [someone()]} for n in (0, 5, 10)})
    assert len(read_openpose(folder)) == 3


def test_frames_of_two_videos_are_refused(write: Write) -> None:
    folder = write(a_1_keypoints={"people": []}, b_1_keypoints={"people": []})
    with pytest.raises(PoseFileError, match="are there two videos"):
        read_openpose(folder)


def test_absurd_numbers_are_refused(write: Write) -> None:
    folder = write(**{f"a_{n}_keypoints": {"people": []} for n in (0, 1, 10**11)})
    with pytest.raises(PoseFileError, match=r"100000000001 frames .* are too many poses"):
        read_openpose(folder)


def test_only_frames_are_read_from_a_mixed_folder(write: Write) -> None:
    folder = write(a_0_keypoints={"people": [someone()]}, report={"frames": 3})
    assert [path.name for path in find_json(folder)] == ["a_0_keypoints.json"]
    (folder / "a_0_keypoints.json").unlink()
    assert [path.name for path in find_json(folder)] == ["report.json"]
    (folder / "a.png").touch()
    assert find_json(folder) == []


def test_persons_without_ids_are_linked(write: Write) -> None:
    people = [someone(x=100, person_id=[-1]), someone(x=400, person_id=[-1])]
    poses = read_openpose(write(a_0={"people": people}, a_1={"people": people}))
    assert (poses.people, poses.ids) == (2, (1, 2))
    assert sorted(poses.keypoints[1, :, 0, 0].tolist()) == [100, 400]


def test_persons_keep_their_ids(write: Write) -> None:
    first, second = someone(x=100, person_id=[8]), someone(x=400, person_id=[3])
    poses = read_openpose(write(a_0={"people": [first]}, a_1={"people": [first, second]}))
    assert poses.ids == (3, 8)
    assert poses.keypoints[1, :, 0, 0].tolist() == [400, 100]
    assert not poses.scores[0, 0].any()


@pytest.mark.parametrize("scale", [1.0, 0.001])
def test_one_file_of_frames_in_pixels_or_in_sides(scale: float, tmp_path: Path) -> None:
    entry = someone(x=100 * scale, y=50 * scale)
    entry[BODY_KEY] = [v * scale if i % 3 < 2 else v for i, v in enumerate(someone()[BODY_KEY])]
    frame = {"people": [entry], "canvas_width": 1000, "canvas_height": 1000}
    (tmp_path / "poses.json").write_text(json.dumps([frame, frame]))
    poses = read_openpose(tmp_path / "poses.json")
    assert (len(poses), poses.size) == (2, (1000, 1000))
    assert poses.keypoints[0, 0, 0] == pytest.approx([100, 50])


def test_sides_need_a_canvas(write: Write) -> None:
    folder = write(a_0={"people": [{BODY_KEY: [0.5, 0.5, 1] * 18}]})
    with pytest.raises(PoseFileError, match="add canvas_width and canvas_height"):
        read_openpose(folder)
    assert read_openpose(folder, size=(64, 48)).keypoints[0, 0, 0].tolist() == [32, 24]


def test_without_a_canvas_the_picture_holds_every_joint(write: Write) -> None:
    folder = write(a_0={"people": [someone(x=100.5)]}, a_1={"people": [someone(y=80)]})
    assert read_openpose(folder).size == (118, 97)
    assert read_openpose(folder, size=(640, 480)).size == (640, 480)


def test_two_canvases_are_refused(write: Write) -> None:
    frames = [{"people": [someone()], "canvas_width": w, "canvas_height": 9} for w in (200, 300)]
    with pytest.raises(PoseFileError, match="200x9 and 300x9"):
        read_openpose(write(a_0=frames[0], a_1=frames[1]))


def test_the_rate_is_the_file_s_or_the_caller_s(write: Write) -> None:
    folder = write(a_0={"people": [someone()]})
    assert read_openpose(folder).fps == 25
    assert read_openpose(folder, fps=12).fps == 12
    write(a_0={"people": [someone()], "fps": 50})
    assert read_openpose(folder, fps=12).fps == 50


def test_nobody_at_all_is_said(write: Write) -> None:
    with pytest.raises(NoPersonError, match="no frame holds a person"):
        read_openpose(write(a_0={"people": []}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("[]", "holds no frame"),
        ("[1]", "frame 0: expected an object"),
        ("{", "damaged or no JSON: Expecting property name"),
        ("[" * 100_000, "nested too deeply"),
        ('{"people":' * 100_000, "nested too deeply"),
        ('{"people": [{"pose_keypoints_2d": [NaN]}]}', "NaN is no number"),
        ('{"people": [{"pose_keypoints_2d": [' + "1e400," * 53 + "1]}]}", "holds a number beyond"),
        ('{"people": [{"pose_keypoints_2d": [' + "9" * 5000 + "]}]}", "damaged or no JSON"),
        ("\x00\xff", "damaged or no JSON"),
    ],
)
def test_wrong_files_are_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a_0_keypoints.json"
    path.write_bytes(text.encode("latin-1"))
    for source in (path, tmp_path):
        with pytest.raises(PoseFileError, match=message) as caught:
            read_openpose(source)
        assert "a_0_keypoints.json" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_large_files_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.write(b"[")
        file.truncate(100_000_000)
    assert path.stat().st_size > MOST_FILE_BYTES
    with pytest.raises(PoseFileError, match="larger than 20 MB"):
        read_openpose(path)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_gives_poses_or_an_error_of_ours(data: st.DataObject) -> None:
    content = bytearray(json.dumps([{"people": [someone()], "canvas_width": 640}]).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        path.write_bytes(content)
        with contextlib.suppress(PoseError):  # nothing else may come of it
            read_openpose(path)
