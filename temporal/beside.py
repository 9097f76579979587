"""The hooks that let a ControlNet work beside a UNet, call by call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from temporal.controlnet import ControlNet
from temporal.inject import Mark, is_compiled
from temporal.removable import Removable


class Beside(Removable):
    """Removable hooks by which a ControlNet sees every call of a UNet and adds its residuals.

    It is set and removed as an `Injector`, and what it holds are the control frames as features:
    what is added also depends on the latents, and is computed when the UNet is called. Without
    control (`set(None)`, or nothing set yet) the UNet runs untouched and the ControlNet not at all.
    The ControlNet is for one thread at a time: it must not stand beside several UNets at work.
    Raises InjectionError for a UNet that it was not made for.
    """

    def __init__(self, unet: Any, part: ControlNet) -> None:
        part.check_fits(unet)
        self._part = part
        self.set(None)
        self._forget()
        ahead = self._ahead
        if getattr(unet, "_compiled_call_impl", None) is not None:
            # The copy's own hooks come and go within a call.
            ahead = torch.compiler.disable(ahead)  # type: ignore[no-untyped-call, unused-ignore]
        self._hooks = [
            unet.register_forward_pre_hook(ahead, with_kwargs=True),
            unet.mid_block.register_forward_hook(self._after_middle),
            *(
                block.register_forward_pre_hook(self._before_up, with_kwargs=True)
                for block in unet.up_blocks
            ),
        ]
        hooked = (unet, unet.mid_block, *unet.up_blocks) if is_compiled(unet) else ()
        self._marks = [Mark(block, "beside") for block in hooked]

    def set(
        self,
        control: Sequence[Tensor] | None,
        scale: float | Tensor = 1.0,
        *,
        unconditional: int = 0,
    ) -> None:
        """Hold this control for the next calls.

        control: one map (F, C, h, w) from `ControlNet.prepare`, on any device; None for none.
        scale: a number, or one per sample of the UNet's, (N,). unconditional: see `Injector.set`;
        without meaning here, as the paper's method shows control to both guidance halves.
        """
        self._control = None if control is None else control[0]
        self._scale = scale

    def remove(self) -> None:
        """Take the hooks out and forget the control; may be called twice."""
        for one in (*self._hooks, *self._marks):
            one.remove()
        self.set(None)
        self._forget()

    def _forget(self) -> None:
        self._skips: list[Tensor] = []
        self._middle: Tensor | None = None

    def _ahead(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._forget()
        if self._control is not None:
            skips, middle = self._part(self._control, *args, **kwargs)
            self._skips = [self._scaled(skip) for skip in skips]
            self._middle = self._scaled(middle)

    def _scaled(self, residual: Tensor) -> Tensor:
        scale = torch.as_tensor(self._scale, dtype=residual.dtype, device=residual.device)
        return residual * scale.reshape(-1, 1, 1, 1)

    def _after_middle(self, module: nn.Module, args: Any, output: Tensor) -> Tensor:
        middle, self._middle = self._middle, None
        return output if middle is None else output + middle.to(output.dtype)

    def _before_up(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if not self._skips:
            return args, kwargs
        given: Sequence[Tensor] = kwargs["res_hidden_states_tuple"]
        own = self._skips[-len(given) :]
        del self._skips[-len(given) :]
        added = tuple(a + b.to(a.dtype) for a, b in zip(given, own, strict=True))
        return args, {**kwargs, "res_hidden_states_tuple": added}
