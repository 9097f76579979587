from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from pose.catalogue import MODELS, SETS, ModelFile
from pose.errors import ModelFetchError
from pose.models import fetch_file, find_models, locate, user_folder

CONTENT = b"weights" * 5000


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without models, whose caches are in the folder `caches`."""
    for variable in ("HF_HOME", "TORCH_HOME", "HF_HUB_CACHE", "ANIMATE_MODELS", "HF_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches"


def put(folder: Path, name: str = "yolox_l.onnx") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(CONTENT)
    return folder / name


def archive(path: Path, members: dict[str, bytes]) -> ModelFile:
    """A model that is served as an archive of these members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return ModelFile(
        name="x", file="x.onnx", role="pose", purpose="", urls=(path.as_uri(),),
        member="end2end.onnx", sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )  # fmt: skip


def test_the_catalogue_is_consistent() -> None:
    names = [model.name for model in MODELS]
    assert len({*names, *SETS}) == len(names) + len(SETS)
    assert len({model.file for model in MODELS}) == len(MODELS)
    for model in MODELS:
        assert all(url.startswith("https://") for url in model.urls)
        assert model.sha256 is None or re.fullmatch("[0-9a-f]{64}", model.sha256)
        assert model.role in ("detector", "pose", "bundle")
        assert (model.member is not None) == model.urls[0].endswith(".zip")
    for name in SETS:
        assert [model.role for model in find_models(name)] == ["detector", "pose"]


def test_unknown_names_are_told() -> None:
    with pytest.raises(ModelFetchError, match=r"unknown model 'x'; known: dwpose, .*yolox-l"):
        find_models("x")


def test_the_search_goes_from_the_users_folders_to_the_caches_of_others(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setenv("ANIMATE_MODELS", f"{first}:{second}")
    assert locate("yolox-l") is None
    snapshot = bare / "huggingface" / "hub" / "models--yzd-v--DWPose"
    put(snapshot / "snapshots" / "abc")
    (snapshot / "refs").mkdir()
    (snapshot / "refs" / "main").write_text("abc")
    places = [snapshot / "snapshots" / "abc", bare / "rtmlib" / "hub" / "checkpoints",
              bare / "animate" / "models", second, first]  # fmt: skip
    for place in places:
        file = put(place)
        assert locate("yolox-l") == file
    assert user_folder() == first


def test_a_named_folder_is_searched_alone(bare: Path, tmp_path: Path) -> None:
    put(bare / "animate" / "models")
    assert locate("yolox-l", tmp_path) is None
    assert locate("yolox-l", put(tmp_path).parent) == tmp_path / "yolox_l.onnx"


def test_an_empty_file_does_not_count(bare: Path) -> None:
    put(bare / "animate" / "models").write_bytes(b"")
    assert locate("yolox-l") is None


def test_the_model_is_taken_out_of_its_archive(tmp_path: Path) -> None:
    model = archive(tmp_path / "a.zip", {"20230831/end2end.onnx": CONTENT, "20230831/x.json": b"1"})
    path = fetch_file(model, tmp_path / "models")
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("members", "number"),
    [({"model.onnx": b"1"}, 0), ({"a/end2end.onnx": b"1", "b/end2end.onnx": b"2"}, 2)],
)
def test_an_archive_of_something_else_is_refused(
    tmp_path: Path, members: dict[str, bytes], number: int
) -> None:
    model = archive(tmp_path / "a.zip", members)
    with pytest.raises(ModelFetchError, match=f"not the right archive: .* got {number}"):
        fetch_file(model, tmp_path / "models")
    assert not list((tmp_path / "models").glob("*.onnx*"))


def test_members_cannot_leave_the_folder(tmp_path: Path) -> None:
    model = archive(tmp_path / "a.zip", {"../../end2end.onnx": CONTENT, "../evil": b"1"})
    path = fetch_file(model, tmp_path / "in" / "models")
    assert path == tmp_path / "in" / "models" / "x.onnx"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "in"]
    assert list((tmp_path / "in").iterdir()) == [path.parent]


def test_a_damaged_archive_leaves_nothing(tmp_path: Path) -> None:
    model = archive(tmp_path / "a.zip", {"end2end.onnx": CONTENT})
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[60] ^= 0xFF  # inside the compressed bytes
    (tmp_path / "a.zip").write_bytes(content)
    model = ModelFile(**{**vars(model), "sha256": None})
    with pytest.raises(ModelFetchError, match="cannot be unpacked"):
        fetch_file(model, tmp_path / "models")
    assert not list((tmp_path / "models").iterdir())
