"""Hooks by which control maps steer a denoiser of pictures, whatever pipeline calls it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from animate.pipelines.residuals import add_residuals, residuals_of
from temporal.controlnext import ControlNeXt
from temporal.inject import Injector
from temporal.removable import Removable

Span = tuple[float, float]  # of a denoising step, as shares of all steps: begin and end
Fit = Callable[["Control", Tensor], Tensor]  # a map and latents -> the map as its part takes it


@dataclass(frozen=True, kw_only=True, eq=False)
class Control:
    """One control map and the part that reads it.

    part: ControlNeXt, or diffusers' ControlNetModel or SD3ControlNetModel, on the denoiser's
    device. picture: (B, 3, H, W) in [0, 1]; where a whole pipeline is steered also a PIL picture
    or an array (H, W, 3) of 0 to 255. scale: its strength, a number or one a sample, (B,).
    start, end: the shares of the denoising steps between which it acts.
    """

    part: Any
    picture: Any
    scale: float | Tensor = 1.0
    start: float = 0.0
    end: float = 1.0

    @property
    def next(self) -> bool:
        """Whether this is ControlNeXt rather than ControlNet."""
        return isinstance(self.part, ControlNeXt)

    def acts(self, span: Span | None) -> bool:
        """Whether it does anything in a step; None for a step outside of a schedule."""
        if not isinstance(self.scale, Tensor) and self.scale == 0:
            return False
        # diffusers' rule: the whole step must lie inside.
        return span is None or not (span[0] < self.start or span[1] > self.end)


class Steering(Removable):
    """Removable hooks by which controls join every call of a denoiser.

    denoiser: UNet2DConditionModel or SD3Transformer2DModel. span(timestep): where in the schedule
    a call is, None for outside of any. guided(): whether the first half of a batch is the
    unconditional one. guess: control for the other half alone, and ControlNet's guess mode.
    fit(control, latents): the control's picture as its part takes it; None: as it is. The batch
    of a call may be a multiple of a picture's: pictures are repeated one by one, then for the
    halves. A control that does not act leaves a call as it is, bit for bit.
    """

    def __init__(
        self,
        denoiser: nn.Module,
        controls: Sequence[Control],
        *,
        span: Callable[[float], Span | None] = lambda timestep: None,
        guided: Callable[[], bool] = bool,
        guess: bool = False,
        fit: Fit | None = None,
    ) -> None:
        self._controls, self._denoiser = tuple(controls), denoiser
        self._span, self._guided, self._guess = span, guided, guess
        self._fit = fit or (lambda control, latents: control.picture)
        sites = [site for one in self._controls if one.next for site in one.part.injection]
        self._injector = Injector(denoiser, sites)
        self._handle = denoiser.register_forward_pre_hook(self._before, with_kwargs=True)

    def remove(self) -> None:
        """Take all hooks out; may be called twice."""
        self._handle.remove()
        self._injector.remove()

    def _before(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        sample, steps = _named(args, kwargs)
        span = self._span(float(steps[0]))
        acting = [control for control in self._controls if control.acts(span)]
        self._hold_features(acting, sample, steps)
        for control in acting:
            if not control.next:
                residuals = residuals_of(
                    control.part,
                    self._shown(control, sample),
                    sample,
                    steps,
                    kwargs,
                    scale=self._scale(control, len(sample)),
                    denoiser=module,
                    guess=self._guess,
                )
                kwargs = add_residuals(module, kwargs, residuals)
        return args, kwargs

    def _hold_features(self, acting: Sequence[Control], sample: Tensor, steps: Tensor) -> None:
        """Give the injector the features of every ControlNeXt, nothing for those at rest."""
        features: list[Tensor | None] = []
        scales: list[Tensor] = []
        for control in self._controls:
            if not control.next:
                continue
            scale, count = torch.ones(len(sample)), len(control.part.injection)
            held: Sequence[Tensor | None] = [None] * count
            if control in acting:
                # Both halves of guidance are given the same.
                shown = self._shown(control, sample, halves=False)
                made = control.part(shown, steps[: len(shown)])
                held = [made] if isinstance(made, Tensor) else made
                scale = self._scale(control, len(sample)).to(sample.device) * control.part.scale
            features += held
            scales += [scale] * count
        if features:
            unconditional = len(sample) // 2 if self._guided() else 0
            self._injector.set(features, scales, unconditional=unconditional)

    def _shown(self, control: Control, sample: Tensor, *, halves: bool = True) -> Tensor:
        """The map (N, C, h, w) for every sample of the batch, or of one half of it."""
        picture = self._fit(control, sample).to(sample.device, control.part.dtype)
        count = len(sample) // 2 if self._halved(len(sample), len(picture)) else len(sample)
        picture = picture.repeat_interleave(max(1, count // len(picture)), dim=0)
        return picture.repeat(len(sample) // count, 1, 1, 1) if halves else picture

    def _scale(self, control: Control, count: int) -> Tensor:
        """The strength for every sample, (N,)."""
        scale = torch.as_tensor(control.scale, dtype=torch.float32).reshape(-1)
        if not self._halved(count, len(scale)):
            return scale.repeat_interleave(count // len(scale))
        scale = scale.repeat_interleave(count // 2 // len(scale))
        return torch.cat([torch.zeros_like(scale) if self._guess else scale, scale])

    def _halved(self, count: int, given: int) -> bool:
        """Whether a batch holds both halves of guidance; some calls are of one half alone."""
        return self._guided() and count % 2 == 0 and count >= 2 * given


def _named(args: Any, kwargs: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Sample and timestep (N,) of a call, by whatever names and places they came."""
    given = dict(zip(("sample", "timestep"), args, strict=False))
    sample = given.get("sample", kwargs.get("sample", kwargs.get("hidden_states")))
    time = given.get("timestep", kwargs.get("timestep"))
    assert isinstance(sample, Tensor)
    assert time is not None
    if isinstance(time, Tensor):
        return sample, time.reshape(-1).to(sample.device).expand(len(sample))
    return sample, sample.new_full((len(sample),), float(time))
