"""Hooks by which control maps steer a denoiser of pictures, whatever pipeline calls it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from animate.pipelines.residuals import add_residuals, residuals_of
from temporal.controlnext import ControlNeXt
from temporal.errors import ControlError
from temporal.inject import Injector, is_compiled
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
    halves. A control that does not act leaves a call as it is, bit for bit. Where torch.compile is
    at work in the denoiser, everything in this process runs uncompiled until the hooks are gone;
    that needs torch 2.6. Raises ControlError, in a call for maps that do not fit its batch.
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
        self._eager = _Eager() if is_compiled(denoiser) else None
        sites = [site for one in self._controls if one.next for site in one.part.injection]
        try:
            self._injector = Injector(denoiser, sites)
        except BaseException:
            self._let_compile()
            raise
        self._handle = denoiser.register_forward_pre_hook(self._before, with_kwargs=True)

    def remove(self) -> None:
        """Take all hooks out; may be called twice."""
        self._handle.remove()
        self._injector.remove()
        self._let_compile()

    def _let_compile(self) -> None:
        if self._eager is not None:
            self._eager.remove()

    def _before(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        call = self._call(args, kwargs)
        span = self._span(float(call.steps[0]))
        acting = [control for control in self._controls if control.acts(span)]
        self._hold_features(acting, call)
        for control in acting:
            if not control.next:
                residuals = residuals_of(
                    control.part,
                    self._shown(control, call).repeat(call.halves, 1, 1, 1),
                    call.sample,
                    call.steps,
                    kwargs,
                    scale=self._scale(control, call),
                    denoiser=module,
                    guess=self._guess,
                )
                kwargs = add_residuals(module, kwargs, residuals)
        return args, kwargs

    def _call(self, args: Any, kwargs: dict[str, Any]) -> _Call:
        sample, steps = _named(args, kwargs)
        # SD3's guidance by skipped layers asks again, for the half with the prompt alone.
        alone = kwargs.get("skip_layers") is not None or len(sample) % 2 == 1
        return _Call(sample, steps, 2 if self._guided() and not alone else 1)

    def _hold_features(self, acting: Sequence[Control], call: _Call) -> None:
        """Give the injector the features of every ControlNeXt, nothing for those at rest."""
        features: list[Tensor | None] = []
        scales: list[Tensor] = []
        for control in self._controls:
            if not control.next:
                continue
            scale, count = torch.ones(len(call.sample)), len(control.part.injection)
            held: Sequence[Tensor | None] = [None] * count
            if control in acting:
                # Both halves of guidance are given the same.
                shown = self._shown(control, call)
                made = control.part(shown, call.steps[: len(shown)])
                held = [made] if isinstance(made, Tensor) else made
                scale = self._scale(control, call).to(call.sample.device) * control.part.scale
            features += held
            scales += [scale] * count
        if features:
            unconditional = call.pictures if call.halves == 2 else 0
            self._injector.set(features, scales, unconditional=unconditional)

    def _shown(self, control: Control, call: _Call) -> Tensor:
        """The map (N, C, h, w) for every picture of one half of the batch."""
        picture = self._fit(control, call.sample).to(call.sample.device, control.part.dtype)
        return picture.repeat_interleave(call.times(len(picture), "maps"), dim=0)

    def _scale(self, control: Control, call: _Call) -> Tensor:
        """The strength for every sample, (N,)."""
        scale = torch.as_tensor(control.scale, dtype=torch.float32).reshape(-1)
        scale = scale.repeat_interleave(call.times(len(scale), "scales"))
        if call.halves == 1:
            return scale
        return torch.cat([torch.zeros_like(scale) if self._guess else scale, scale])


@dataclass(frozen=True)
class _Call:
    """One call of the denoiser: samples (N, c, h, w) at steps (N,), of one or both halves."""

    sample: Tensor
    steps: Tensor
    halves: int

    @property
    def pictures(self) -> int:
        """How many pictures are made."""
        return len(self.sample) // self.halves

    def times(self, given: int, what: str) -> int:
        """How often each of what was given is repeated; raises ControlError if that is uneven."""
        if given == 0 or self.pictures % given:
            raise ControlError(
                f"got {given} {what} for {self.pictures} in the batch: give one, or one a prompt"
            )
        return self.pictures // given


class _Eager(Removable):
    """Keeps torch.compile from its work while any of these is held.

    What was compiled does not notice that hooks have come, and these hooks cannot be compiled.
    """

    _held: ClassVar[list[_Eager]] = []
    _stance: ClassVar[ExitStack] = ExitStack()

    def __init__(self) -> None:
        if not hasattr(torch.compiler, "set_stance"):
            raise ControlError(
                "control of a compiled denoiser needs torch 2.6 or newer, this is "
                f"{torch.__version__}: update torch or leave torch.compile out"
            )
        if not self._held:
            self._stance.enter_context(torch.compiler.set_stance("force_eager"))
        self._held.append(self)

    def remove(self) -> None:
        """Let torch.compile work again, if this is the last; may be called twice."""
        if self in self._held:
            self._held.remove(self)
            if not self._held:
                self._stance.close()


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
