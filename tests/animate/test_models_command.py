"""`animate models` as its users meet it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

import animate.hub
import animate.mini
import pose.models
from animate.cli import main
from pose.catalogue import MODELS, SETS

CONTENT = b"a model" * 1000


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without models; the folder for them."""
    for variable in ("XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("ANIMATE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files to fetch, yolox-l and dwpose-l, from a folder in place of the network."""
    shop = tmp_path / "shop"
    shop.mkdir()
    models = []
    for model in MODELS:
        if model.name in SETS["dwpose"]:
            (shop / model.file).write_bytes(CONTENT)
            model = replace(
                model,
                urls=((shop / model.file).as_uri(),),
                size=len(CONTENT),
                sha256=hashlib.sha256(CONTENT).hexdigest(),
            )
        models.append(model)
    monkeypatch.setattr(pose.models, "MODELS", tuple(models))
    return shop


def test_the_list_tells_what_is_not_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    missing = [model for model in animate.mini.MODELS if animate.mini.locate(model.name) is None]
    listed = len(MODELS) + len(animate.hub.MODELS) + len(missing)
    assert len([line for line in lines if line.endswith("not here")]) == listed
    (line,) = [line for line in lines if line.startswith("yolox-l ")]
    assert line.split() == ["yolox-l", "217", "MB", "Apache-2.0", "not", "here"]


def test_the_list_tells_where_a_model_is(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir()
    (home / "yolox_l.onnx").write_bytes(CONTENT)
    assert main(["models", "list", "yolox-l"]) == 0
    assert str(home / "yolox_l.onnx") in capsys.readouterr().out


def test_json_holds_the_same(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir()
    (home / "yolox_l.onnx").write_bytes(CONTENT)
    assert main(["models", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sets"]["dwpose"] == list(SETS["dwpose"])
    paths = {model["name"]: model["path"] for model in told["models"]}
    assert paths.pop("yolox-l") == str(home / "yolox_l.onnx")
    embedded = {model.name: paths.pop(model.name) for model in animate.mini.MODELS}
    assert embedded["mini"] == str(animate.mini.FOLDER)
    assert paths
    assert set(paths.values()) == {None}


def test_embedded_models_are_always_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "mini"]) == 0
    assert main(["models", "fetch", "mini"]) == 0
    line, _, *_, fetched = capsys.readouterr().out.splitlines()
    assert line.startswith("mini")
    assert line.endswith(str(animate.mini.FOLDER))
    assert fetched == str(animate.mini.FOLDER)


@pytest.mark.usefixtures("offered")
def test_a_set_is_fetched_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "dwpose", "yolox-l"]) == 0
    names = ["yolox_l.onnx", "dw-ll_ucoco_384.onnx"]
    assert capsys.readouterr().out.splitlines() == [str(home / name) for name in names]
    assert sorted(path.name for path in home.iterdir()) == sorted(names)


def test_what_is_here_is_not_fetched_again(home: Path, offered: Path) -> None:
    assert main(["models", "fetch", "dwpose", "--quiet"]) == 0
    for file in offered.iterdir():
        file.unlink()
    assert main(["models", "fetch", "dwpose", "--quiet"]) == 0
    assert (home / "yolox_l.onnx").read_bytes() == CONTENT


@pytest.mark.usefixtures("offered")
def test_another_folder_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "yolox-l", "--to", str(tmp_path / "mine")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "mine" / "yolox_l.onnx")


def test_a_path_is_for_scripts(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "path", "yolox-l"]) == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert error == ("animate models: yolox-l is not here; run `animate models fetch yolox-l`\n")
    home.mkdir()
    (home / "yolox_l.onnx").write_bytes(CONTENT)
    assert main(["models", "path", "yolox-l"]) == 0
    assert capsys.readouterr().out == f"{home / 'yolox_l.onnx'}\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["fetch"], "name what to fetch: dwpose"),
        (["path", "nonsense"], "unknown model 'nonsense'; known: dwpose"),
        (["list", "--to", "x"], "--to names the folder to fetch into"),
        (["steal"], "invalid choice"),
    ],
)
def test_wrong_words_are_usage_errors(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", *words]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_a_failed_fetch_is_one_line(
    home: Path, offered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (offered / "yolox_l.onnx").unlink()
    assert main(["models", "fetch", "yolox-l"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("animate models: cannot fetch yolox_l.onnx: file:")
    assert error.count("\n") == 1
    assert not list(home.iterdir())


def test_a_stopped_fetch_says_that_it_can_go_on(
    offered: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pose.models, "download", interrupted)
    assert main(["models", "fetch", "yolox-l"]) == 130
    assert "the same command goes on there" in capsys.readouterr().err


def test_a_gated_model_is_listed_with_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "svd"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("svd-base")
    assert lines[2].strip().startswith("first accept the licence at https://huggingface.co/")
    assert lines[2].endswith("run `hf auth login`")


def test_a_fetch_without_network_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert main(["models", "fetch", "svd"]) == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("animate models: cannot fetch svd-base: HF_HUB_OFFLINE forbids")
    assert error.count("\n") == 1
