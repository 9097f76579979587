"""Reading and writing files of tensors."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from temporal import tensorfiles
from temporal.errors import CheckpointError
from temporal.tensorfiles import read_metadata, read_tensors, write_tensors

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(0.5).half()}


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(
        left[key].dtype == right[key].dtype and torch.equal(left[key], right[key]) for key in left
    )


class Trap:
    """What a pickle may do when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_tensors_and_words_come_back(tmp_path: Path) -> None:
    write_tensors(TENSORS, tmp_path / "x.safetensors", {"kind": "words"})
    assert same(read_tensors(tmp_path / "x.safetensors"), TENSORS)
    assert read_metadata(tmp_path / "x.safetensors")["kind"] == "words"


def test_others_may_read_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    write_tensors(TENSORS, tmp_path / "x.safetensors")
    modes = [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("ordinary", "x.safetensors")]
    assert modes[0] == modes[1]


def test_nothing_is_left_of_a_failed_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensorfiles, "save_file", full)
    with pytest.raises(CheckpointError, match=r"x\.safetensors cannot be written: .*No space"):
        write_tensors(TENSORS, tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_pickles_are_read_only_when_allowed(tmp_path: Path, zipped: bool, wrapped: bool) -> None:
    path = tmp_path / "controlnet.bin"
    content = {"state_dict": TENSORS, "epoch": 3} if wrapped else TENSORS
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="--allow-pickle"):
        read_tensors(path)
    assert same(read_tensors(path, allow_pickle=True), TENSORS)


def test_an_allowed_pickle_still_runs_nothing(tmp_path: Path) -> None:
    path, trap = tmp_path / "evil.bin", tmp_path / "sprung"
    torch.save({"a": Trap(trap)}, path)
    with pytest.raises(CheckpointError, match="more than tensors"):
        read_tensors(path, allow_pickle=True)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [([torch.zeros(1)], "got list"), ({"a": 1.0}, "'a' is none")],
)
def test_a_pickle_of_something_else_is_refused(
    tmp_path: Path, content: object, complaint: str
) -> None:
    torch.save(content, tmp_path / "x.bin")
    with pytest.raises(CheckpointError, match=complaint):
        read_tensors(tmp_path / "x.bin", allow_pickle=True)


@pytest.mark.parametrize("name", ["x.safetensors", "x.bin"])
def test_damaged_files_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match=name):
        read_tensors(tmp_path / name, allow_pickle=True)


def test_missing_and_unknown_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no weights at .*x\.safetensors"):
        read_tensors(tmp_path / "x.safetensors")
    (tmp_path / "x.txt").touch()
    with pytest.raises(CheckpointError, match=r"neither a \.safetensors file"):
        read_tensors(tmp_path / "x.txt")
    with pytest.raises(CheckpointError, match="no weights at"):
        read_tensors(tmp_path)


@pytest.mark.parametrize("suffix", ["", ".fp16"])
def test_a_folder_in_one_file(tmp_path: Path, suffix: str) -> None:
    save_file(TENSORS, tmp_path / f"diffusion_pytorch_model{suffix}.safetensors")
    assert same(read_tensors(tmp_path), TENSORS)


def test_a_folder_in_several_files(tmp_path: Path) -> None:
    names = {}
    for index, (key, tensor) in enumerate(TENSORS.items()):
        names[key] = f"diffusion_pytorch_model-0000{index + 1}-of-00002.safetensors"
        save_file({key: tensor}, tmp_path / names[key])
    index_file = tmp_path / "diffusion_pytorch_model.safetensors.index.json"
    index_file.write_text(json.dumps({"weight_map": names}))
    assert same(read_tensors(tmp_path), TENSORS)
