"""Every setting of pictures under control, with its default, validated in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from animate.checks import (
    LARGEST_SEED,
    check_choice,
    check_count,
    check_exists,
    check_number,
    plain,
)
from animate.config import DEVICES, DTYPES, LOOKS, UNET_KINDS, VARIANTS
from animate.errors import UsageError

METHODS = ("controlnext", "controlnet")
FAMILIES = ("sd15", "sdxl", "sd3")
STILL_MODELS = (*FAMILIES, "mini-image", "mini-sd3")
# What a family works best with: steps and guidance. Source: the models' pages and diffusers'
# pipelines, with steps as few as their schedulers do well with.
FAMILY_DEFAULTS = {"sd15": (25, 7.5), "sdxl": (30, 5.0), "sd3": (28, 7.0)}
# What width and height are multiples of, in pixels: the autoencoder's factor, times SD3's patch.
MULTIPLES = {"sd15": 8, "sdxl": 8, "sd3": 16}

# Settings that each control has its own of.
EACH = ("kind", "control_scale", "start", "end", "weights", "unet")


@dataclass(frozen=True, kw_only=True)
class ControlChoice:
    """One control as asked for. picture: a path, a PIL picture or an array; kind: of its map."""

    picture: Any
    kind: str
    control_scale: float = 1.0
    start: float = 0.0
    end: float = 1.0
    weights: str | None = None
    unet: str | None = None

    def __post_init__(self) -> None:
        check_number("control_scale", self.control_scale, at_least=0.0)
        for name in ("start", "end"):
            check_number(name, getattr(self, name), at_least=0.0, at_most=1.0)
        if self.start > self.end:
            raise UsageError(f"--start {self.start:g} is behind --end {self.end:g}; exchange them")
        check_exists("weights", self.weights)
        check_exists("unet", self.unet)


@dataclass(frozen=True, kw_only=True)
class StillSettings:
    """What a caller may choose for a picture; None means the model's own default.

    model: sd15, sdxl, sd3, mini-image, mini-sd3, a folder in diffusers' layout, or one file of
    weights, which needs config: a folder of the same family to take the settings from. vae: a
    folder that replaces the model's own. lora: (file, scale) each. method: how the map joins;
    variant: which known encoder the weights are, for files that do not say it; unet_as: what the
    weights' UNet file holds; allow_pickle: also read .bin files, of them only tensors.
    annotate: make the map of the picture; None: unless it is one already. look: how skeletons are
    drawn. size: (width, height), else of the control at the model's own short side. count:
    pictures. guess: no control for the half of guidance without the prompt, so that guidance
    strengthens control as well.
    Raises UsageError for values that make no sense.
    """

    model: str = "mini-image"
    config: str | None = None
    vae: str | None = None
    prompt: str = ""
    negative: str = ""
    lora: tuple[tuple[str, float], ...] = ()
    method: str = "controlnext"
    variant: str | None = None
    unet_as: str = "auto"
    allow_pickle: bool = False
    annotate: bool | None = None
    annotator: str = "auto"
    look: str | None = None
    size: tuple[int, int] | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int = 0
    count: int = 1
    guess: bool | None = None
    device: str = "auto"
    dtype: str = "auto"

    def __post_init__(self) -> None:
        for name in ("steps", "count"):
            check_count(name, getattr(self, name), at_least=1)
        check_count("seed", self.seed, at_least=0, at_most=LARGEST_SEED)
        check_number("guidance", self.guidance, at_least=1.0)
        for name, choices in (
            ("method", METHODS),
            ("variant", VARIANTS),
            ("unet_as", UNET_KINDS),
            ("look", LOOKS),
            ("device", DEVICES),
            ("dtype", DTYPES),
        ):
            check_choice(name, getattr(self, name), choices)
        for name in ("config", "vae"):
            check_exists(name, getattr(self, name))
        for file, _ in self.lora:
            check_exists("lora", file)
        if self.model not in STILL_MODELS and not Path(self.model).exists():
            raise UsageError(
                f"--model {self.model}: neither a model ({' | '.join(STILL_MODELS)}) nor an "
                "existing folder or file"
            )
        if self.size is not None and min(self.size) < MULTIPLES["sd3"]:
            raise UsageError(f"--size expects at least {MULTIPLES['sd3']} pixels a side")


def still_settings(given: dict[str, Any]) -> StillSettings:
    """Settings from a call's keywords. Raises UsageError for unknown ones."""
    known = {field.name for field in fields(StillSettings)}
    unknown = sorted(given.keys() - known)
    if unknown:
        raise UsageError(
            f"unknown setting {unknown[0]!r}; known: {', '.join(sorted({*known, *EACH}))}"
        )
    return StillSettings(**{name: plain(one) for name, one in given.items() if one is not None})


def control_choices(pictures: Sequence[Any], **each: Any) -> list[ControlChoice]:
    """The controls of a call: every setting of `EACH` once for all of them, or once for each.

    Raises UsageError for other counts, and for a picture without a kind.
    """
    chosen: list[dict[str, Any]] = [{"picture": picture} for picture in pictures]
    if not chosen:
        raise UsageError("nothing controls the picture: give --control PICTURE --kind KIND")
    for name, value in each.items():
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        values = [one for one in values if one is not None] or [None]
        if len(values) == 1:
            values *= len(chosen)
        if len(values) != len(chosen):
            raise UsageError(
                f"{len(chosen)} controls, but {len(values)} times --{name.replace('_', '-')}: "
                "give it once for all, or once for each"
            )
        for one, its_value in zip(chosen, values, strict=True):
            if its_value is not None:
                one[name] = its_value
    if "kind" not in chosen[0]:
        raise UsageError("say what the control shows: --kind pose, canny, depth, ...")
    return [ControlChoice(**one) for one in chosen]
