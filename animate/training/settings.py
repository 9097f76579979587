"""Settings of a training run; see ``animate.training.config`` for how a file becomes them."""

from __future__ import annotations

from dataclasses import dataclass

from animate.checks import check_choice, check_count, check_exists, check_number
from animate.config import DEVICES, LOOKS, VARIANTS
from animate.errors import UsageError

FAMILIES = ("svd", "sd15", "sdxl", "sd3")
METHODS = ("controlnext", "controlnet", "lora")

PRECISIONS = ("no", "bf16", "fp16")
OPTIMIZERS = ("adamw", "adamw8bit")
TRACKERS = ("none", "tensorboard", "wandb")


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """How a run goes, whatever it trains.

    steps: optimizer steps; batch: samples a process and part; accumulate: parts a step.
    rate: the learning rate's peak after warm_up steps, falling along a half cosine to
    rate * floor. clip: norm that gradients are cut to. ema: the average's decay, 0 for none.
    save_every, preview_every: in steps, 0 for never; keep: checkpoints that stay.
    precision: numbers of the forward pass; weights stay float32. checkpointing: compute the
    forward pass twice instead of keeping it. workers: processes that load data.
    """

    steps: int = 1000
    batch: int = 1
    accumulate: int = 1
    rate: float = 1e-5
    warm_up: int = 100
    floor: float = 0.05
    clip: float = 1.0
    ema: float = 0.999
    optimizer: str = "adamw"
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 1e-3
    precision: str = "no"
    checkpointing: bool = False
    seed: int = 0
    workers: int = 0
    device: str = "auto"
    save_every: int = 500
    keep: int = 2
    preview_every: int = 0
    tracker: str = "none"

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate", "keep"):
            check_count(name, getattr(self, name), at_least=1)
        for name in ("warm_up", "seed", "workers", "save_every", "preview_every"):
            check_count(name, getattr(self, name), at_least=0)
        for name in ("rate", "clip"):
            check_number(name, getattr(self, name), above=0.0)
        for name in ("floor", "ema", "beta1", "beta2"):
            check_number(name, getattr(self, name), at_least=0.0, at_most=1.0)
        check_number("weight_decay", self.weight_decay, at_least=0.0)
        choices = {"precision": PRECISIONS, "optimizer": OPTIMIZERS, "tracker": TRACKERS}
        for name, known in {**choices, "device": DEVICES}.items():
            check_choice(name, getattr(self, name), known)


@dataclass(frozen=True, kw_only=True)
class VideoLoss:
    """What the denoiser is shown.

    Noise levels: ln(sigma) ~ N(log_mean, log_std) within bounds; the defaults are SVD's published
    ones. reference_noise: on the latents of the reference picture. The drop-outs are shares of
    samples that must do without the reference, for guidance, or without control. random_time_ids:
    tell the UNet any rate and motion, for a model that shall ignore them; else the constants of
    the official training. huber: velocity errors beyond it count linearly, which blurs less where a
    few steps must guess; 0 for squares, as SVD was trained.
    """

    log_mean: float = 0.7
    log_std: float = 1.6
    sigma_min: float = 0.002
    sigma_max: float = 700.0
    reference_noise: float = 0.02
    reference_dropout: float = 0.1
    control_dropout: float = 0.0
    random_time_ids: bool = False
    huber: float = 0.0

    def __post_init__(self) -> None:
        for name in ("log_std", "sigma_min", "sigma_max"):
            check_number(name, getattr(self, name), above=0.0)
        for name in ("reference_noise", "huber"):
            check_number(name, getattr(self, name), at_least=0.0)
        for name in ("reference_dropout", "control_dropout"):
            check_number(name, getattr(self, name), at_least=0.0, at_most=1.0)


@dataclass(frozen=True, kw_only=True)
class StillLoss:
    """What the denoiser of pictures is shown.

    The drop-outs are shares of samples without a prompt, or without control. shift: of rectified
    flow towards noise; SD3 was trained with 3.
    """

    prompt_dropout: float = 0.5
    control_dropout: float = 0.0
    shift: float = 3.0

    def __post_init__(self) -> None:
        for name in ("prompt_dropout", "control_dropout"):
            check_number(name, getattr(self, name), at_least=0.0, at_most=1.0)
        check_number("shift", self.shift, at_least=1.0)


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """What is trained.

    base: a model's folder in diffusers' layout, or mini. control: a control encoder or ControlNet
    to go on from; else the base's own, else a new one of this variant. trainable: which weights of
    the base are trained with ControlNeXt, a rule or pattern of `temporal.trainable`, at base_rate
    times the rate. rank: of a LoRA, 0 for none; method lora alone needs one. image_encoder: train
    it too.
    """

    family: str = "svd"
    base: str = "mini"
    method: str = "controlnext"
    trainable: str = "to_out"
    base_rate: float = 0.1
    rank: int = 0
    control: str | None = None
    variant: str = "svd_v2_training"
    image_encoder: bool = False

    def __post_init__(self) -> None:
        check_choice("family", self.family, FAMILIES)
        check_choice("method", self.method, METHODS)
        check_choice("variant", self.variant, VARIANTS)
        check_number("base_rate", self.base_rate, at_least=0.0)
        check_count("rank", self.rank, at_least=0)
        check_exists("control", self.control)
        if self.base != "mini":
            check_exists("base", self.base)
        if self.method == "lora" and self.rank == 0:
            raise UsageError("method lora needs a rank, such as 16")
        if self.base == "mini" and self.family != "svd":
            raise UsageError(f"mini is of the family svd; family {self.family} needs a base folder")


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """What it is trained on.

    dataset: of `animate prepare`. sizes: WIDTHxHEIGHT each; a clip goes to the one of its
    proportions. frames: of a sample; fps: their rate, None for each clip's own. control: pose, or
    the name of an annotator. look: how skeletons are drawn, None for what the model knows.
    """

    dataset: str = ""
    sizes: tuple[str, ...] = ("128x192",)
    frames: int = 8
    fps: float | None = None
    control: str = "pose"
    look: str | None = None
    emphasis: bool = True

    def __post_init__(self) -> None:
        if not self.dataset:
            raise UsageError("data.dataset is missing: the folder that `animate prepare` wrote")
        check_exists("dataset", self.dataset)
        check_count("frames", self.frames, at_least=1)
        check_number("fps", self.fps, above=0.0)
        check_choice("look", self.look, LOOKS)
        self.pixels()

    def pixels(self) -> list[tuple[int, int]]:
        """The sizes as (width, height). Raises UsageError."""
        try:
            pairs = [tuple(int(side) for side in size.split("x")) for size in self.sizes]
            return [(width, height) for width, height in pairs]
        except (ValueError, AttributeError) as error:
            raise UsageError(
                f"data.sizes expects a list of WIDTHxHEIGHT such as 128x192, got {self.sizes}"
            ) from error


@dataclass(frozen=True, kw_only=True)
class PreviewSettings:
    """What is looked at every `loop.preview_every` steps.

    samples: drawn from the data set, made by the model and laid beside the truth. driving, ref:
    a video and a picture to animate, which the judge then looks at. steps: of sampling.
    """

    samples: int = 2
    driving: str | None = None
    ref: str | None = None
    steps: int = 10

    def __post_init__(self) -> None:
        check_count("samples", self.samples, at_least=0)
        check_count("steps", self.steps, at_least=1)
        for name in ("driving", "ref"):
            check_exists(name, getattr(self, name))
        if (self.driving is None) != (self.ref is None):
            raise UsageError("preview.driving and preview.ref go together: give both or neither")


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """What is written at the end: ours (for `animate --model` or `--lora`), and the authors' files.

    official: none, values or increments. number: fp32, fp16 or bf16.
    """

    official: str = "none"
    number: str = "fp16"

    def __post_init__(self) -> None:
        check_choice("official", self.official, ("none", "values", "increments"))
        check_choice("number", self.number, ("fp32", "fp16", "bf16"))


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """A whole run. output: the folder of its checkpoints, logs and result."""

    output: str
    data: DataSettings
    model: ModelSettings = ModelSettings()
    loss: VideoLoss | StillLoss = VideoLoss()
    loop: LoopSettings = LoopSettings()
    preview: PreviewSettings = PreviewSettings()
    export: ExportSettings = ExportSettings()
