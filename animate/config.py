"""Every setting and every default of the project, validated in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Literal

from animate.errors import UsageError

DEVICES = ("auto", "cpu", "cuda")
DTYPES = ("auto", "float32", "float16", "bfloat16")
ALIGNMENTS = ("fit", "limbs", "none")
LOOKS = ("official", "soft", "openpose", "mimicmotion", "fingers", "direct")  # of pose.draw
MODELS = ("auto", "mini", "svd")

Blend = Literal["weighted", "official"]
Person = Literal["largest", "all"] | int | tuple[float, float]  # pose.identity.Person


@dataclass(frozen=True, kw_only=True)
class ModelDefaults:
    """What a model works best with, used wherever the caller left a setting open.

    short_side: pixels of the shorter side of the result; long_side: never longer than this.
    reference_first: the reference's own skeleton is put before the clip as frame 0.
    still_noise: all frames start from the same noise. It calms what the temporal layers do not:
    with the embedded model the background flickers a third as much, at 0.3 dB of figure PSNR.
    """

    short_side: int
    long_side: int
    steps: int
    guidance: float
    window: int
    overlap: int
    blend: Blend
    reference_first: bool
    still_noise: bool


# By the look of the control drawings that a model was trained on (`control_look` in its config).
# official: the SVD-v2 inference script of ControlNeXt (576x1024, 25 steps, guidance 3, window 24,
# overlap 6, reference pose first). soft: the embedded model, as it was trained.
DEFAULTS: dict[str, ModelDefaults] = {
    "official": ModelDefaults(
        short_side=576,
        long_side=1024,
        steps=25,
        guidance=3.0,
        window=24,
        overlap=6,
        blend="official",
        reference_first=True,
        still_noise=False,
    ),
    "soft": ModelDefaults(
        short_side=128,
        long_side=256,
        steps=2,
        guidance=1.0,
        window=16,
        overlap=4,
        blend="weighted",
        reference_first=False,
        still_noise=True,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a caller may choose; None means the model's own default.

    model: auto, mini, svd or a folder. size: (width, height) in pixels. frames: at most so many.
    stride: every n-th frame. fps: frames per second to read the driving video at. person: who is
    followed, see pose.track; smooth: 0 to 1; cache: remember what was tracked.
    Raises UsageError for values that make no sense.
    """

    model: str = "auto"
    size: tuple[int, int] | None = None
    frames: int | None = None
    stride: int = 1
    fps: float | None = None
    steps: int | None = None
    guidance: float | None = None
    control_scale: float = 1.0
    window: int | None = None
    overlap: int | None = None
    seed: int = 0
    device: str = "auto"
    dtype: str = "auto"
    pose_backend: str = "auto"
    person: Person = "largest"
    smooth: float = 0.5
    cache: bool = True
    align: str = "fit"

    def __post_init__(self) -> None:
        for name in ("frames", "stride", "steps", "window"):
            self._check_count(name, at_least=1)
        self._check_count("overlap", at_least=0)
        self._check_count("seed", at_least=0)
        self._check_number("fps", above=0.0)
        self._check_number("guidance", at_least=1.0)
        self._check_number("control_scale", at_least=0.0)
        self._check_number("smooth", at_least=0.0, at_most=1.0)
        self._check_choice("device", DEVICES)
        self._check_choice("dtype", DTYPES)
        self._check_choice("align", ALIGNMENTS)
        self._check_person()
        if self.fps is not None and self.stride != 1:
            raise UsageError("--fps and --stride both set the rate: give one of them")
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            raise UsageError(f"--size expects WIDTHxHEIGHT in pixels, got {self.size}")
        if self.window is not None and self.overlap is not None and self.overlap >= self.window:
            raise UsageError(
                f"--overlap {self.overlap} must be smaller than --window {self.window}"
            )

    def resolve(
        self, defaults: ModelDefaults, *, size: tuple[int, int], device: str, dtype: str
    ) -> Resolved:
        """Fill every open setting: from what was chosen for this run, else the model's defaults."""
        window = self.window or defaults.window
        overlap = defaults.overlap if self.overlap is None else self.overlap
        if self.overlap is not None and overlap >= window:
            raise UsageError(f"--overlap {overlap} must be smaller than the window of {window}")
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values.update(
            size=size,
            device=device,
            dtype=dtype,
            window=window,
            overlap=min(overlap, window - 1),
            steps=self.steps or defaults.steps,
            guidance=defaults.guidance if self.guidance is None else self.guidance,
            blend=defaults.blend,
            reference_first=defaults.reference_first,
            still_noise=defaults.still_noise,
        )
        return Resolved(**values)

    def _check_count(self, name: str, at_least: int) -> None:
        value = getattr(self, name)
        if value is not None and (not isinstance(value, int) or value < at_least):
            raise UsageError(
                f"{_option(name)} expects a whole number of at least {at_least}, got {value}"
            )

    def _check_number(
        self,
        name: str,
        *,
        at_least: float = -math.inf,
        above: float = -math.inf,
        at_most: float = math.inf,
    ) -> None:
        value = getattr(self, name)
        if value is None:
            return
        if not (math.isfinite(value) and at_least <= value <= at_most and value > above):
            bound = f"of at least {at_least:g}" if at_least > -math.inf else f"above {above:g}"
            bound = f"from {at_least:g} to {at_most:g}" if at_most < math.inf else bound
            raise UsageError(f"{_option(name)} expects a number {bound}, got {value}")

    def _check_person(self) -> None:
        if self.person == "largest":
            return
        from pose.identity import check_person  # needs numpy, which the default does without

        try:
            check_person(self.person)
        except ValueError as error:
            raise UsageError(str(error)) from error

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        value = getattr(self, name)
        if value not in choices:
            raise UsageError(f"{_option(name)} expects {' | '.join(choices)}, got {value!r}")


@dataclass(frozen=True, kw_only=True)
class Resolved(Settings):
    """Settings with nothing left open: what the run really used."""

    size: tuple[int, int]
    steps: int
    guidance: float
    window: int
    overlap: int
    blend: Blend
    reference_first: bool
    still_noise: bool


def settings_from(values: dict[str, object]) -> Settings:
    """Settings from keywords; an unknown keyword raises UsageError and lists the known ones."""
    known = [field.name for field in fields(Settings)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise UsageError(
            f"unknown setting {', '.join(map(repr, unknown))}; known: {', '.join(known)}"
        )
    return replace(Settings(), **values)  # type: ignore[arg-type]


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
