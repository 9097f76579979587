"""Every setting and every default of the project, validated in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

from animate.checks import (
    LARGEST_SEED,
    check_choice,
    check_count,
    check_device,
    check_exists,
    check_number,
    check_person,
    is_size,
    option,
    plain,
)
from animate.errors import UsageError

DEVICES = ("auto", "cpu", "cuda")
DTYPES = ("auto", "float32", "float16", "bfloat16")
ALIGNMENTS = ("fit", "limbs", "none")
LOOKS = ("official", "soft", "openpose", "mimicmotion", "fingers", "direct")  # of pose.draw
MODELS = ("auto", "mini", "svd")
WINDOWS = ("weighted", "shifted", "official")  # of temporal.windows
RAMPS = ("clip", "window")
ATTENTIONS = ("auto", "sdpa", "xformers")
OFFLOADS = ("auto", "none", "model", "group")
SCHEDULERS = ("model", "euler", "lcm")  # of temporal.schedulers
FEW_STEPS, FEW_STEPS_GUIDANCE = 4, (1.0, 1.2)  # of models distilled for few steps, as AnimateLCM
MOST_FEW_STEPS = 40  # noise levels of their training
# Known encoders, the keys of temporal.controlnext.VARIANTS; here, as that needs torch.
VARIANTS = ("svd_v2", "svd_v2_training", "svd_v1", "sdxl", "sd15_legacy", "sd15_training", "sd3")
UNET_KINDS = ("auto", "values", "increments")

DECODE_CHUNK = 8  # frames that the VAE decodes together
# What the UNet is told besides the rate: Stable Video Diffusion's own defaults.
MOTION_BUCKET, NOISE_AUG = 127, 0.02
# What the reference's script does whatever it is asked for (it also tells the UNet 7 frames a
# second, which the pipeline sees to).
OFFICIAL = {
    "windows": "official",
    "ramp": "window",
    "motion_bucket": 128,
    "noise_aug": 0.02,
    "control_scale": 1.0,
}

CHOICES = {
    "align": ALIGNMENTS,
    "device": DEVICES,
    "dtype": DTYPES,
    "windows": WINDOWS,
    "ramp": RAMPS,
    "attention": ATTENTIONS,
    "offload": OFFLOADS,
    "scheduler": SCHEDULERS,
    "variant": VARIANTS,
    "unet_as": UNET_KINDS,
}

Blend = Literal["weighted", "official", "shifted"]
Ramp = Literal["clip", "window"]
Guidance = float | tuple[float, float]  # constant, or from the ramp's start to its end
Person = Literal["largest", "all"] | int | tuple[float, float]  # pose.identity.Person


@dataclass(frozen=True, kw_only=True)
class ModelDefaults:
    """What a model works best with, used wherever the caller left a setting open.

    short_side: pixels of the shorter side of the result; long_side: never longer than this.
    reference_first: the reference's own skeleton is put before the clip as frame 0.
    still_noise: all frames start from the same noise. It calms what the temporal layers do not:
    with the embedded model the background flickers a third as much, at 0.3 dB of figure PSNR.
    rates: the frame rates that the model was trained to be told, lowest and highest.
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
    rates: tuple[int, int]

    def told_rate(self, fps: float) -> int:
        """The rate to tell the model of a video of `fps`: whole, and such as it was trained on."""
        low, high = self.rates
        return min(max(round(fps), low), high)


# By the look of the control drawings that a model was trained on (`control_look` in its config).
# official: the SVD-v2 inference script of ControlNeXt (576x1024, 25 steps, guidance 3, window 24,
# overlap 6, reference pose first), rates as published with Stable Video Diffusion (3 to 30).
# soft: the embedded model, as it was trained. Shifted windows cost least and show least seam:
# scripts/bench_seams.py.
DEFAULTS: dict[str, ModelDefaults] = {
    "official": ModelDefaults(
        short_side=576,
        long_side=1024,
        steps=25,
        guidance=3.0,
        window=24,
        overlap=6,
        blend="shifted",
        reference_first=True,
        still_noise=False,
        rates=(3, 30),
    ),
    "soft": ModelDefaults(
        short_side=128,
        long_side=256,
        steps=2,
        guidance=1.0,
        window=16,
        overlap=4,
        blend="shifted",
        reference_first=False,
        still_noise=True,
        rates=(5, 61),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a caller may choose; None means the model's own default, or what fits the machine.

    model: auto, mini, svd or a folder. base, controlnext, unet: its parts given by hand, see
    animate.parts; variant: the official encoder that controlnext is; unet_as: what unet holds;
    allow_pickle: also read .bin files, of them only tensors.
    size: (width, height) in pixels. frames: at most so many.
    stride: every n-th frame. fps: frames per second to read the driving video at. person: who is
    followed, see pose.track; smooth: 0 to 1; cache: remember what was tracked.
    guidance: a scale, or (start, end) of a ramp over the clip or each window. windows: how they
    are laid and blended. motion_bucket, noise_aug: what the UNet is told of motion and of the
    noise on the picture. official: all as the reference's script decides it.
    scheduler: the model's own, SVD's Euler, or lcm for few-step models. step_cache: change of its
    input below which a prediction is repeated, 0 for never. lora: (file, scale) each.
    attention, compile, offload, decode_chunk (frames), halves_apart, devices: how the work is done.
    Raises UsageError for values that make no sense.
    """

    model: str = "auto"
    base: str | None = None
    controlnext: str | None = None
    unet: str | None = None
    variant: str | None = None
    unet_as: str = "auto"
    allow_pickle: bool = False
    size: tuple[int, int] | None = None
    frames: int | None = None
    stride: int = 1
    fps: float | None = None
    pose_backend: str = "auto"
    person: Person = "largest"
    smooth: float = 0.3
    cache: bool = True
    align: str = "fit"

    steps: int | None = None
    guidance: Guidance | None = None
    ramp: Ramp | None = None
    control_scale: float = 1.0
    window: int | None = None
    overlap: int | None = None
    windows: Blend | None = None
    motion_bucket: int | None = None
    noise_aug: float | None = None
    official: bool = False
    scheduler: str = "model"
    step_cache: float = 0.0
    lora: tuple[tuple[str, float], ...] = ()
    seed: int = 0

    device: str = "auto"
    dtype: str = "auto"
    attention: str = "auto"
    compile: bool = False
    offload: str = "auto"
    decode_chunk: int | None = None
    halves_apart: bool | None = None
    devices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("frames", "stride", "steps", "window", "decode_chunk"):
            check_count(name, getattr(self, name), at_least=1)
        check_count("overlap", self.overlap, at_least=0)
        check_count("seed", self.seed, at_least=0, at_most=LARGEST_SEED)
        check_count("motion_bucket", self.motion_bucket, at_least=0, at_most=255)
        check_number("fps", self.fps, above=0.0)
        check_number("control_scale", self.control_scale, at_least=0.0)
        check_number("step_cache", self.step_cache, at_least=0.0)
        check_number("smooth", self.smooth, at_least=0.0, at_most=1.0)
        check_number("noise_aug", self.noise_aug, at_least=0.0, at_most=1.0)
        for scale in self.guidance if isinstance(self.guidance, tuple) else (self.guidance,):
            check_number("guidance", scale, at_least=1.0)
        for name, choices in CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        check_person(self.person)
        for device in self.devices if isinstance(self.devices, tuple) else ():
            check_device(device)
        for name in ("base", "controlnext", "unet"):
            check_exists(name, getattr(self, name))
        for name, items in (("lora", self.lora), ("devices", self.devices)):
            if not isinstance(items, tuple):
                raise UsageError(f"{option(name)} expects a tuple, got {items!r}")
        for one in self.lora:
            if not isinstance(one, tuple) or len(one) != 2:
                raise UsageError(f"--lora expects (file, scale), got {one!r}")
            file, scale = one
            check_exists("lora", file)
            check_number("lora", scale, at_least=0.0)
        self._check_together()

    def _check_together(self) -> None:
        if self.fps is not None and self.stride != 1:
            raise UsageError("--fps and --stride both set the rate: give one of them")
        if self.size is not None and not is_size(self.size):
            raise UsageError(f"--size expects WIDTHxHEIGHT in pixels, got {self.size}")
        if self.window is not None and self.overlap is not None and self.overlap >= self.window:
            raise UsageError(
                f"--overlap {self.overlap} must be smaller than --window {self.window}"
            )
        if self.scheduler == "lcm" and (self.steps or 0) > MOST_FEW_STEPS:
            raise UsageError(
                f"--scheduler lcm takes at most {MOST_FEW_STEPS} --steps, got {self.steps}; "
                "4 to 8 are usual"
            )
        if isinstance(self.guidance, tuple) and len(self.guidance) != 2:
            raise UsageError(f"--guidance expects G or FROM:TO, got {self.guidance}")
        for name, value in OFFICIAL.items() if self.official else ():
            if getattr(self, name) not in (None, value):
                raise UsageError(
                    f"--official does as the reference: {option(name)} {value}; leave out "
                    f"{option(name)} {getattr(self, name)}, or --official"
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
        values.update(OFFICIAL if self.official else {})
        few = self.scheduler == "lcm"
        otherwise = {
            "steps": FEW_STEPS if few else defaults.steps,
            "guidance": FEW_STEPS_GUIDANCE if few else defaults.guidance,
            "windows": defaults.blend,
            "ramp": "window" if self.windows == "official" else "clip",
            "motion_bucket": MOTION_BUCKET,
            "noise_aug": NOISE_AUG,
            "decode_chunk": DECODE_CHUNK,
            "halves_apart": False,
        }
        values.update({name: value for name, value in otherwise.items() if values[name] is None})
        values.update(
            size=size,
            device=device,
            dtype=dtype,
            window=window,
            overlap=min(overlap, window - 1),
            offload="none" if self.offload == "auto" else self.offload,
            reference_first=defaults.reference_first,
            still_noise=defaults.still_noise,
        )
        return Resolved(**values)


@dataclass(frozen=True, kw_only=True)
class Resolved(Settings):
    """Settings with nothing left open: what the run really used."""

    size: tuple[int, int]
    steps: int
    guidance: Guidance
    ramp: Ramp
    window: int
    overlap: int
    windows: Blend
    motion_bucket: int
    noise_aug: float
    decode_chunk: int
    halves_apart: bool
    reference_first: bool
    still_noise: bool

    @property
    def guidance_ends(self) -> tuple[float, float]:
        """Guidance at the ramp's start and at its end."""
        return self.guidance if isinstance(self.guidance, tuple) else (self.guidance,) * 2


def settings_from(values: dict[str, object]) -> Settings:
    """Settings from keywords; an unknown keyword raises UsageError and lists the known ones.

    Numbers may be NumPy's, tuples lists, files Paths; None is what is left open.
    """
    known = [field.name for field in fields(Settings)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise UsageError(
            f"unknown setting {', '.join(map(repr, unknown))}; known: {', '.join(known)}"
        )
    given = {name: plain(value) for name, value in values.items() if value is not None}
    return replace(Settings(), **given)
