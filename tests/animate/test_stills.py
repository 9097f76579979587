from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from animate import stills
from animate.annotators import control_map
from animate.errors import ModelError, UsageError
from animate.pipelines.image import denoiser_of
from animate.still_models import load_still_model
from animate.still_parts import kind_told, prepared
from animate.still_settings import ControlChoice, StillSettings, control_choices
from animate.stills import control_image
from temporal.checkpoints import save_controlnext, save_unet_part
from tests.animate.pipelines.stills import FAMILIES, Still, make_still, model_of

QUICK: dict[str, Any] = {"prompt": "a b", "steps": 2, "size": (64, 48), "device": "cpu"}


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Still]:
    """Tiny models whose folders hold parts for canny edges, by both methods."""
    folder = tmp_path_factory.mktemp("shelf")
    made = {family: make_still(family, folder / family) for family in FAMILIES}
    for still in made.values():
        own = still.folder / "controls" / "canny"
        own.mkdir(parents=True)
        save_controlnext(still.parts["controlnext"], own / "controlnext.safetensors")
        still.parts["controlnet"].save_pretrained(still.folder / "controlnets" / "canny")
    return made


@pytest.fixture(scope="session")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of edges: the outline of a square."""
    pixels = np.zeros((96, 128, 3), np.uint8)
    pixels[20:70, 30:32] = pixels[20:70, 90:92] = pixels[20:22, 30:92] = 255
    path = tmp_path_factory.mktemp("maps") / "edges.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ["controlnext", "controlnet"])
def test_one_call_makes_a_controlled_picture(
    shelf: dict[str, Still], edges: Path, family: str, method: str
) -> None:
    settings = {**QUICK, "kind": "canny", "method": method, "loaded": model_of(shelf[family])}
    made = control_image(edges, **settings)
    assert made.images[0].shape == (48, 64, 3)
    assert np.array_equal(made.images[0], control_image(edges, **settings).images[0])
    without = control_image(edges, control_scale=0.0, **settings).images[0]
    assert not np.array_equal(made.images[0], without)
    assert np.array_equal(without, control_image(edges, start=1.0, **settings).images[0])


def sources(hero: Path, folder: Path) -> dict[str, tuple[str, Any]]:
    """A kind of map, and what it is to be made of: pictures in all forms in which they come."""
    photo = np.asarray(Image.open(hero).convert("RGB").resize((96, 144)))
    opaque = np.full((*photo.shape[:2], 1), 255, np.uint8)
    hidden = np.random.default_rng(0).integers(0, 256, photo.shape, dtype=np.uint8)
    seen = np.zeros_like(opaque)
    seen[20:120, 20:80] = 255
    cut = Image.fromarray(np.concatenate([np.where(seen > 0, photo, hidden), seen], axis=2))
    cut.save(folder / "cut.png")
    depth = np.tile(np.linspace(500, 4000, 96).astype(np.uint16), (144, 1))  # millimetres
    Image.fromarray(depth).save(folder / "depth.png")
    lines = control_map(photo, "canny").picture
    return {
        "floats": ("softedge", photo.astype(np.float32) / 255),
        "four channels": ("softedge", np.concatenate([photo, opaque], axis=2)),
        "cut-out, file": ("canny", folder / "cut.png"),
        "cut-out, PIL": ("canny", cut),
        "mask of a cut-out": ("mask", folder / "cut.png"),
        "16 bits": ("depth", folder / "depth.png"),
        "black on white": ("canny", 255 - lines),
    }


def test_every_form_of_a_picture_gives_the_map_that_annotating_gives(
    hero: Path, tmp_path: Path
) -> None:
    for name, (kind, source) in sources(hero, tmp_path).items():
        choice = ControlChoice(picture=source, kind=kind)
        made = stills.control_map(choice, StillSettings(), (96, 144), lambda line: None, "openpose")
        expected = control_map(source, kind, size=(96, 144)).picture
        assert np.array_equal(made, expected), name
        assert made.max() > 0, name


@pytest.mark.parametrize("alpha", [False, True])
def test_a_photograph_is_no_map_of_depth(alpha: bool, hero: Path) -> None:
    photo = np.asarray(Image.open(hero).convert("RGBA" if alpha else "RGB"))
    source = photo if alpha else photo.astype(np.float32) / 255
    choice = ControlChoice(picture=source, kind="depth")
    with pytest.raises(ModelError, match="depth maps need weights"):
        stills.control_map(choice, StillSettings(), (96, 144), lambda line: None, "openpose")


def test_pictures_have_seeds_of_their_own(shelf: dict[str, Still], edges: Path) -> None:
    settings = {**QUICK, "kind": "canny", "loaded": model_of(shelf["sd15"])}
    first, second = control_image(edges, count=2, **settings).images
    assert not np.array_equal(first, second)
    again = control_image(edges, seed=1, **settings).images[0]
    assert np.array_equal(again, second)


def test_sizes_are_rounded_and_said(shelf: dict[str, Still], edges: Path) -> None:
    lines: list[str] = []
    settings = {**QUICK, "size": (70, 50), "loaded": model_of(shelf["sd3"])}
    made = control_image(edges, kind="canny", report=lines.append, **settings)
    assert made.images[0].shape == (48, 64, 3)
    assert "Size 70x50 rounded to 64x48: the model works in multiples of 16" in lines


def test_the_size_follows_the_control(shelf: dict[str, Still], edges: Path) -> None:
    settings = {**QUICK, "size": None, "steps": 1, "loaded": model_of(shelf["sd15"])}
    made = control_image(edges, kind="canny", **settings)
    assert made.images[0].shape == (128, 168, 3)  # 16 latents of 8 pixels; 4:3, rounded


def test_a_photograph_becomes_a_map(shelf: dict[str, Still], tmp_path: Path) -> None:
    rng, lines = np.random.default_rng(0), []
    photo = np.asarray(Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize((128, 96)))
    settings = {**QUICK, "kind": "canny", "loaded": model_of(shelf["sd15"])}
    made = control_image(photo, report=lines.append, **settings)
    assert any("of a photograph, by canny" in line for line in lines)
    assert set(np.unique(made.maps[0])) == {0, 255}
    as_it_is = control_image(photo, annotate=False, **settings)
    assert not np.array_equal(as_it_is.maps[0], made.maps[0])


@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16", "1", "P"])
def test_maps_of_any_mode_are_the_same_map(
    shelf: dict[str, Still], edges: Path, tmp_path: Path, mode: str
) -> None:
    grey = Image.open(edges).convert("L")
    sixteen = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    (sixteen if mode == "I;16" else grey.convert(mode)).save(tmp_path / "map.png")
    settings = {**QUICK, "kind": "canny", "annotate": False, "steps": 1}
    settings["loaded"] = model_of(shelf["sd15"])
    made = control_image(tmp_path / "map.png", **settings).maps[0]
    assert np.array_equal(made, control_image(edges, **settings).maps[0])


def test_several_controls_each_with_its_own(shelf: dict[str, Still], edges: Path) -> None:
    settings = {**QUICK, "loaded": model_of(shelf["sdxl"]), "kind": "canny"}
    other = np.asarray(Image.open(edges))[::-1]
    alone = control_image(edges, **settings).images[0]
    both = control_image([edges, other], **settings)
    idle = control_image([edges, other], control_scale=[1.0, 0.0], **settings)
    assert len(both.maps) == 2
    assert not np.array_equal(both.images[0], alone)
    assert np.array_equal(idle.images[0], alone)


def test_a_model_s_own_parts_may_work_best_in_guess_mode(
    shelf: dict[str, Still], edges: Path
) -> None:
    def made(guess: bool | None, method: str = "controlnext") -> NDArray[np.uint8]:
        settings = {**QUICK, "kind": "canny", "guidance": 5.0, "loaded": model_of(shelf["sd15"])}
        return control_image(edges, guess=guess, method=method, **settings).images[0]

    off, on, other = made(None), made(True), made(None, "controlnet")
    assert not np.array_equal(on, off)
    file = shelf["sd15"].folder / "defaults.json"
    file.write_text('{"guess": 1}')
    try:
        assert np.array_equal(made(None), on)
        assert np.array_equal(made(False), off)
        assert np.array_equal(made(None, "controlnet"), other)  # it is said of ControlNeXt
    finally:
        file.unlink()


def test_comparison_lies_side_by_side(shelf: dict[str, Still], edges: Path, tmp_path: Path) -> None:
    settings = {**QUICK, "loaded": model_of(shelf["sd15"]), "kind": "canny"}
    made = control_image(edges, compare=True, **settings)
    made.save(tmp_path / "both.png")
    shown = np.asarray(Image.open(tmp_path / "both.png"))
    net = control_image(edges, method="controlnet", **settings).images[0]
    assert np.array_equal(shown, np.concatenate([made.maps[0], made.images[0], net], axis=1))


@pytest.mark.parametrize("increments", [False, True])
def test_the_base_is_restored_bit_for_bit(
    shelf: dict[str, Still], tmp_path: Path, increments: bool
) -> None:
    model = model_of(shelf["sdxl"])
    denoiser = denoiser_of(model.pipeline)
    before = {name: value.clone() for name, value in denoiser.state_dict().items()}
    tuned = {n: torch.randn_like(v) * 0.1 for n, v in before.items() if "to_out" in n}
    save_controlnext(shelf["sdxl"].parts["controlnext"], tmp_path / "controlnet.safetensors")
    save_unet_part(tuned, tmp_path / "unet.safetensors", increments=increments)
    choice = ControlChoice(picture=None, kind="canny", weights=str(tmp_path))
    lines: list[str] = []
    with prepared(model, [choice], StillSettings(model="sdxl"), lines.append, method="controlnext"):
        inside = {name: value.clone() for name, value in denoiser.state_dict().items()}
    for name, value in tuned.items():
        wanted = before[name] + value if increments else value
        assert torch.equal(inside[name], wanted)
    assert all(torch.equal(v, before[n]) for n, v in denoiser.state_dict().items())
    assert any(
        line.startswith("Base: increments" if increments else "Base: values") for line in lines
    )


def test_a_part_for_another_kind_is_warned_about(
    shelf: dict[str, Still], edges: Path, tmp_path: Path
) -> None:
    still, lines = shelf["sd15"], []
    file = tmp_path / "my_depth_control.safetensors"
    save_controlnext(still.parts["controlnext"], file)
    settings = {**QUICK, "loaded": model_of(still), "kind": "canny", "weights": str(file)}
    control_image(edges, report=lines.append, **settings)
    assert any("looks made for depth, and is given canny" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("control_v11p_sd15_openpose/diffusion_pytorch_model", "pose"),
        ("controlnext-sdxl-anime-canny/controlnet", "canny"),
        ("deepfashion_mask/controlnet", "mask"),
        ("control_v11p_sd15_seg/model", "segmentation"),
        ("things/mine", None),
    ],
)
def test_names_tell_kinds(name: str, kind: str | None) -> None:
    assert kind_told(Path(f"{name}.safetensors")) == kind


def test_missing_parts_are_named(shelf: dict[str, Still], edges: Path) -> None:
    settings = {**QUICK, "annotate": False, "loaded": model_of(shelf["sd15"])}
    with pytest.raises(ModelError, match=r"no controlnext for depth of .* --weights"):
        control_image(edges, kind="depth", **settings)


@pytest.mark.parametrize("family", FAMILIES)
def test_folders_are_loaded_as_their_family(shelf: dict[str, Still], family: str) -> None:
    model = load_still_model(StillSettings(model=str(shelf[family].folder), device="cpu"))
    assert model.family == family
    assert model.short_side == 128
    own = denoiser_of(shelf[family].pipeline).state_dict()
    loaded = denoiser_of(model.pipeline).state_dict()
    assert all(torch.equal(value, own[name]) for name, value in loaded.items())


def test_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model's folder"):
        load_still_model(StillSettings(model=str(tmp_path)))
    with pytest.raises(UsageError, match="neither a model"):
        StillSettings(model="sd99")


@pytest.mark.parametrize(
    ("pictures", "each", "said"),
    [
        ([], {"kind": "canny"}, "nothing controls"),
        (["a"], {"kind": None}, "--kind"),
        (["a", "b"], {"kind": ["canny"] * 3}, "2 controls, but 3 times --kind"),
        (["a"], {"kind": "canny", "start": 0.8, "end": 0.2}, "--start 0.8 is behind"),
        (["a"], {"kind": "canny", "control_scale": -1.0}, "--control-scale"),
    ],
)
def test_wrong_controls_are_refused(pictures: list[str], each: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        control_choices(pictures, **each)
