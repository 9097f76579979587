"""The commands `animate image` and `animate upscale`, from words to files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animate.cli import main
from temporal.checkpoints import save_controlnext
from tests.animate.pipelines.stills import make_still


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SD3's folder with parts for canny edges and for small pictures."""
    still = make_still("sd3", tmp_path_factory.mktemp("commands") / "sd3")
    for kind in ("canny", "superresolution"):
        own = still.folder / "controls" / kind
        own.mkdir(parents=True)
        save_controlnext(still.parts["controlnext"], own / "controlnext.safetensors")
    return still.folder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((70, 50)).save(tmp_path / "photo.jpg")
    return tmp_path / "photo.jpg"


def test_image_writes_pictures_and_maps(
    model: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control = ["--control", str(photo), "--kind", "canny"]
    words = [*control, *control, "--control-scale", "1", "--control-scale", "0.5", "--end", "0.8"]
    words += ["--model", str(model), "--prompt", "a b", "--steps", "1", "--size", "70x50"]
    words += ["-n", "2", "--save-control", "-o", str(tmp_path / "out.png"), "--device", "cpu"]
    assert main(["image", *words]) == 0
    said = capsys.readouterr().out
    assert "Size 70x50 rounded to 64x48" in said
    assert "Control by controlnext: canny, scale 0.5, from 0 to 0.8" in said
    names = ["out_0.png", "out_1.png", "out_control_0.png", "out_control_1.png"]
    for name in names:
        assert Image.open(tmp_path / name).size == (64, 48)
    assert main(["image", *words]) == 1
    assert "out_0.png exists already" in capsys.readouterr().err


def test_upscale_writes_a_larger_picture(
    model: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(photo), "--model", str(model), "--factor", "2", "--steps", "1", "--tile", "64"]
    assert main(["upscale", *words, "-o", str(tmp_path / "large.png"), "--device", "cpu"]) == 0
    assert Image.open(tmp_path / "large.png").size == (140, 100)
    assert "tiles of up to 64 pixels" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["image", "--control", "x.png", "--model", "sd15"], "--kind pose"),
        (["image", "--control", "x.png", "--kind", "canny", "--model", "sd99"], "neither a model"),
        (["upscale", "x.png", "--factor", "9"], "at most 4"),
    ],
)
def test_wrong_words_are_told_in_a_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [["upscale"], ["image", "--kind", "canny", "--prompt", "", "--control"]]
)
def test_the_input_is_never_replaced(
    words: list[str], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = photo.read_bytes()
    assert main([*words, str(photo), "-o", str(photo), "--force"]) == 2
    assert "is the input" in capsys.readouterr().err
    assert photo.read_bytes() == before
