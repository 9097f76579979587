"""What a run will need, before any weights are loaded, and how to make it fit the machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from animate import devices, footprint
from animate.config import DEFAULTS, Resolved, Settings
from animate.errors import ModelError
from animate.framing import choose_size
from animate.parts import ModelChoice, choose_model
from animate.prediction import Prediction, control_look, predict

# Free memory that is not planned with: other programs, and on a GPU torch's cache and the
# libraries' work space, which is an estimate (not measured yet).
RESERVE = {"cpu": 0.05, "cuda": 0.12}
# How fast the UNet's and the VAE's operations run against those of the probe, which is one large
# convolution. Source: the embedded model by processor time on one core, where other work does not
# count; scripts/bench_planner.py shows it by the clock. GPUs are not measured yet.
EFFICIENCY = {"denoising": 0.55, "decoding": 0.37}
MINIMUM_WINDOW = 8  # frames; the planner does not go below by itself


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a run is going to be done.

    asked: the caller's settings, with what was left open filled in where it would not have fit.
    """

    asked: Settings
    settings: Resolved
    model: str
    frames: int  # that the model makes
    prediction: Prediction
    free: int | None  # bytes on the device; None if unknown
    changes: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether the prediction leaves the reserve free."""
        return _fits(self.prediction, self.free, self.settings.device)

    def lines(self, seconds: float | None = None) -> Iterator[str]:
        """The plan in words; seconds: what it will take, where that was estimated."""
        what, told = self.settings, self.prediction
        free = "an unknown amount" if self.free is None else _gigabytes(self.free)
        yield (
            f"Memory: {_gigabytes(told.peak)} of {free} free on {what.device} "
            f"(weights {_gigabytes(told.weights)}, denoising {_gigabytes(told.denoising)}, "
            f"decoding {_gigabytes(told.decoding)})"
        )
        if seconds is not None:
            yield f"Time: about {_duration(seconds)}, loading and tracking aside"
        yield (
            f"Way: {what.dtype}, windows of up to {min(what.window, self.frames)} frames, "
            f"guidance halves {'apart' if what.halves_apart else 'together'}, offload "
            f"{what.offload}, {what.decode_chunk} frames decoded together"
        )
        yield from self.warnings()

    def warnings(self) -> Iterator[str]:
        """What was changed to fit, and whether it still does not."""
        for change in self.changes:
            yield f"To fit into memory: {change}"
        if not self.fits:
            yield (
                f"Warning: about {_gigabytes(self.prediction.peak)} of memory are needed on "
                f"{self.settings.device} and {_gigabytes(self.free or 0)} are free; a smaller "
                "--size, --window or --decode-chunk needs less"
            )


def make_plan(asked: Settings, reference: tuple[int, int], frames: int) -> Plan:
    """Choose what was left open so that the run fits the device, if it can.

    reference: (width, height) of the picture; frames: of the clip. Reads configurations and
    headers of weights, never weights. What leaves the result as it is goes first. Raises
    UsageError for what the device cannot do, ModelError for a model that cannot be read.
    """
    from animate.load import pick_device

    device = pick_device(asked.device)
    devices.check(asked, device)
    choice = choose_model(asked, device)
    try:
        return _plan(asked, choice, device, reference, frames)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"the model in {choice.parts.base} cannot be read: {reason}") from error


def _plan(
    asked: Settings, choice: ModelChoice, device: str, reference: tuple[int, int], frames: int
) -> Plan:
    from animate.load import pick_dtype

    parts, free = choice.parts, devices.free_memory(device)
    defaults = DEFAULTS.get(control_look(parts), DEFAULTS["official"])
    size = choose_size(reference, defaults, footprint.size_multiple(parts.base), asked.size)
    frames += int(defaults.reference_first)

    def resolve(settings: Settings) -> Resolved:
        dtype = pick_dtype(settings.dtype, device, choice.name)
        return settings.resolve(defaults, size=size, device=device, dtype=dtype)

    def predicted(settings: Settings) -> Prediction:
        return predict(parts, resolve(settings), frames)

    fitted, changes = _fit(asked, resolve, predicted, free)
    return Plan(
        asked=fitted,
        settings=resolve(fitted),
        model=choice.name,
        frames=frames,
        prediction=predicted(fitted),
        free=free,
        changes=tuple(changes),
    )


# From settings to smaller ones and what changed; None where the caller chose or nothing is left.
# What waits in main memory cannot be copied to several devices.
Rung = Callable[[Settings, Resolved], "tuple[Settings, str] | None"]


def _halves_apart(asked: Settings, now: Resolved) -> tuple[Settings, str] | None:
    if asked.halves_apart is not None or max(now.guidance_ends) <= 1:
        return None
    return replace(asked, halves_apart=True), "guidance halves one after the other"


def _model_offload(asked: Settings, now: Resolved) -> tuple[Settings, str] | None:
    if asked.offload != "auto" or asked.devices or now.device == "cpu":
        return None
    return replace(asked, offload="model"), "models wait in main memory"


def _group_offload(asked: Settings, now: Resolved) -> tuple[Settings, str] | None:
    if asked.offload not in ("auto", "model") or asked.devices or now.device == "cpu":
        return None
    return replace(asked, offload="group"), "layers wait in main memory, which is slower"


def _half_precision(asked: Settings, now: Resolved) -> tuple[Settings, str] | None:
    if asked.dtype != "auto" or now.dtype != "float32":
        return None
    return replace(asked, dtype="bfloat16"), "bfloat16 in place of float32"


def _smaller_chunk(asked: Settings, now: Resolved) -> tuple[Settings, str] | None:
    if now.decode_chunk == 1:
        return None
    chunk = now.decode_chunk // 2
    return replace(asked, decode_chunk=chunk), f"{chunk} frames decoded together"


def _smaller_window(asked: Settings, now: Resolved) -> tuple[Settings, str] | None:
    window = max(now.window * 3 // 4, MINIMUM_WINDOW)
    if window >= now.window or (asked.overlap is not None and asked.overlap >= window):
        return None
    return replace(asked, window=window), f"windows of {window} frames"


def _fit(
    asked: Settings,
    resolve: Callable[[Settings], Resolved],
    predicted: Callable[[Settings], Prediction],
    free: int | None,
) -> tuple[Settings, list[str]]:
    """Step down while it does not fit, each time by the first rung that helps."""
    rungs: list[Rung] = [_halves_apart]
    rungs += [_smaller_chunk] if asked.decode_chunk is None else []
    rungs += [_model_offload, _half_precision]
    rungs += [_smaller_window] if asked.window is None else []
    if asked.offload == "auto":
        rungs.append(_group_offload)
    changes: list[str] = []
    told = predicted(asked)
    while not _fits(told, free, resolve(asked).device):
        for rung in rungs:
            smaller = rung(asked, resolve(asked))
            if smaller is not None and predicted(smaller[0]).peak < told.peak:
                break
        else:
            return asked, changes
        asked, change = smaller
        changes.append(change)
        told = predicted(asked)
    return asked, changes


def _fits(told: Prediction, free: int | None, device: str) -> bool:
    return free is None or told.peak <= free * (1 - RESERVE[device.split(":")[0]])


def estimate_seconds(plan: Plan, speed: float | None = None) -> float:
    """How long denoising and decoding will take; speed: what `probe` said, None to ask it now."""
    speed = speed or probe(plan.settings.device, plan.settings.dtype)
    return sum(
        flops / (speed * EFFICIENCY[stage]) for stage, flops in plan.prediction.flops.items()
    )


def probe(device: str, dtype: str) -> float:
    """Operations per second of one large convolution, the median of a few."""
    import torch

    number = getattr(torch, dtype)
    channels, side = (512, 128) if device != "cpu" else (128, 64)
    pictures = torch.ones(4, channels, side, side, dtype=number, device=device)
    weights = torch.ones(channels, channels, 3, 3, dtype=number, device=device)
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        total = torch.nn.functional.conv2d(pictures, weights, padding=1)
        total[0, 0, 0, 0].item()  # waits for the device
        seconds.append(time.perf_counter() - start)
    return 2 * 9 * channels**2 * 4 * side**2 / statistics.median(seconds)


def _gigabytes(amount: int) -> str:
    return f"{amount / 1e9:.2f} GB" if amount < 1e10 else f"{amount / 1e9:.1f} GB"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
