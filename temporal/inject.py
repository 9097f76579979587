"""The hooks that put control into a UNet."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from temporal.errors import InjectionError
from temporal.sites import Site, find_sites


class Injector:
    """Removable hooks that add the control they currently hold to a UNet's features.

    Without control (`set(None)`, or nothing set yet) the UNet runs untouched. Skips that were
    collected before a site keep the value without its control.
    """

    def __init__(self, unet: nn.Module, sites: Site | Sequence[Site]) -> None:
        self.sites = (sites,) if isinstance(sites, Site) else tuple(sites)
        blocks = [_find_block(unet, site) for site in self.sites]  # all, before the first hook
        pairs = zip(blocks, self.sites, strict=True)
        self._hooks = [_Hook(block, site) for block, site in pairs]

    def set(
        self,
        control: Tensor | Sequence[Tensor] | None,
        scale: float | Tensor = 1.0,
        *,
        unconditional: int = 0,
    ) -> None:
        """Hold this control for the next forward passes.

        control: (N, C, h, w) on any device, for several sites one each; None for none. If the
        UNet's batch is a multiple of N (guidance halves), it is repeated. scale: a number, or one
        per UNet sample, (M,) or (M, 1, 1, 1). unconditional: how many UNet samples, the first
        ones, are of the unconditional guidance half and get `Site.uncond_scale` of it.
        """
        if control is None:
            controls: Sequence[Tensor | None] = [None] * len(self._hooks)
        else:
            controls = [control] if isinstance(control, Tensor) else control
        if len(controls) != len(self._hooks):
            raise InjectionError(
                f"got control for {len(controls)} sites, the UNet is hooked at {len(self._hooks)}"
            )
        for hook, one in zip(self._hooks, controls, strict=True):
            hook.set(one, scale, unconditional)

    def remove(self) -> None:
        """Take the hooks out and forget the control; may be called twice."""
        for hook in self._hooks:
            hook.remove()

    def __enter__(self) -> Injector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()


class _Hook:
    """One hooked block and the control for it."""

    def __init__(self, block: nn.Module, site: Site) -> None:
        self._site = site
        self.set(None, 1.0, 0)
        if site.when == "after":
            self._handle = block.register_forward_hook(self._after)
        else:
            self._handle = block.register_forward_pre_hook(self._before, with_kwargs=True)

    def set(self, control: Tensor | None, scale: float | Tensor, unconditional: int) -> None:
        if control is not None and control.ndim != 4:
            raise InjectionError(f"control must be (N, C, h, w), got {tuple(control.shape)}")
        self._control, self._scale, self._unconditional = control, scale, unconditional

    def remove(self) -> None:
        self._handle.remove()
        self._control = None

    def _before(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        # diffusers passes the hidden state by name in some UNets and by position in others.
        if "hidden_states" in kwargs:
            return args, {**kwargs, "hidden_states": self._add(kwargs["hidden_states"])}
        return (self._add(args[0]), *args[1:]), kwargs

    def _after(self, module: nn.Module, args: Any, output: Any) -> Any:
        # Down blocks return (hidden state, skips), the other blocks a bare tensor.
        if isinstance(output, tuple):
            return (self._add(output[0]), *output[1:])
        return self._add(output)

    def _add(self, feature: Tensor) -> Tensor:
        if self._control is None:
            return feature
        # What gets nothing is not computed.
        spared = self._unconditional if self._site.spares_unconditional else 0
        rest = feature[spared:]
        if len(rest) == 0:
            return feature
        control = self._matched(self._control.to(feature.device), rest)
        added = self._site.add(rest, control, self._scales(feature)[spared:])
        return torch.cat([feature[:spared], added]) if spared else added

    def _scales(self, feature: Tensor) -> Tensor:
        """The scale of every sample, (M,)."""
        scale = torch.as_tensor(self._scale, dtype=torch.float32, device=feature.device)
        scale = scale.reshape(-1).expand(len(feature)).clone()
        scale[: self._unconditional] *= self._site.uncond_scale
        return scale

    def _matched(self, control: Tensor, feature: Tensor) -> Tensor:
        times, rest = divmod(feature.shape[0], control.shape[0])
        if rest or control.shape[1] != feature.shape[1]:
            raise InjectionError(
                f"control {tuple(control.shape)} does not fit the features "
                f"{tuple(feature.shape)} at {self._site.module}: channels must be equal and the "
                "batch a multiple; check the encoder's out_channels and the number of frames"
            )
        return control.repeat(times, 1, 1, 1) if times > 1 else control


def inject(unet: nn.Module, site: Any, *, gain: float | None = None) -> Injector:
    """Hook a UNet at a site (name or record) or at several.

    Use as a context manager, or call `.remove()` when done.
    """
    return Injector(unet, find_sites(site, gain=gain))


def _find_block(unet: nn.Module, site: Site) -> nn.Module:
    try:
        return unet.get_submodule(site.module)
    except AttributeError as error:
        raise InjectionError(
            f"{type(unet).__name__} has no module {site.module!r}; choose another site"
        ) from error
