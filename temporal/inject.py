"""The hooks that put control into a UNet, or into a transformer of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from temporal.errors import InjectionError
from temporal.removable import Removable
from temporal.sites import Site, find_sites


class Injector(Removable):
    """Removable hooks that add the control they currently hold to a denoiser's features.

    Without control (`set(None)`, or nothing set yet) the denoiser runs untouched. Skips that were
    collected before a site keep the value without its control. Where several sites are the same
    place, each control is fitted to the features as they are without the others.
    """

    def __init__(self, unet: nn.Module, sites: Site | Sequence[Site]) -> None:
        self.sites = (sites,) if isinstance(sites, Site) else tuple(sites)
        blocks = [_find_block(unet, site) for site in self.sites]  # all, before the first hook
        self._held = [_Held(site) for site in self.sites]
        places: dict[tuple[str, str], list[_Held]] = {}
        for held in self._held:
            places.setdefault((held.site.module, held.site.when), []).append(held)
        named = {site.module: block for site, block in zip(self.sites, blocks, strict=True)}
        self._hooks = [_Hook(named[module], when, at) for (module, when), at in places.items()]
        compiled = is_compiled(unet)
        self._marks = [Mark(named[module], when) for module, when in places if compiled]

    def set(
        self,
        control: Tensor | Sequence[Tensor | None] | None,
        scale: float | Tensor | list[Tensor] = 1.0,
        *,
        unconditional: int = 0,
    ) -> None:
        """Hold this control for the next forward passes.

        control: (N, C, h, w) on any device, for several sites one each; None for none. If the
        denoiser's batch is a multiple of N (guidance halves), it is repeated. scale: a number, or
        one per sample, (M,) or (M, 1, 1, 1), or a list of such, one for each site.
        unconditional: how many samples, the first ones, are of the unconditional guidance half
        and get `Site.uncond_scale` of it.
        """
        if control is None:
            controls: Sequence[Tensor | None] = [None] * len(self._held)
        else:
            controls = [control] if isinstance(control, Tensor) else control
        if len(controls) != len(self._held):
            raise InjectionError(
                f"got control for {len(controls)} sites, the UNet is hooked at {len(self._held)}"
            )
        scales = scale if isinstance(scale, list) else [scale] * len(self._held)
        for held, one, its_scale in zip(self._held, controls, scales, strict=True):
            held.set(one, its_scale, unconditional)

    def remove(self) -> None:
        """Take the hooks out and forget the control; may be called twice."""
        for one in (*self._hooks, *self._marks):
            one.remove()
        for held in self._held:
            held.set(None, 1.0, 0)


class _Held:
    """The control for one site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.set(None, 1.0, 0)

    def set(self, control: Tensor | None, scale: float | Tensor, unconditional: int) -> None:
        if control is not None and control.ndim != 4:
            raise InjectionError(f"control must be (N, C, h, w), got {tuple(control.shape)}")
        self.control, self._scale, self._unconditional = control, scale, unconditional

    def share(self, feature: Tensor) -> tuple[int, Tensor] | None:
        """How many samples get nothing, and what the others get; None if none gets any."""
        # What gets nothing is not computed.
        spared = self._unconditional if self.site.spares_unconditional else 0
        rest = feature[spared:]
        if self.control is None or len(rest) == 0:
            return None
        control = self._matched(self.control.to(feature.device), rest)
        return spared, self.site.share(rest, control, self._scales(feature)[spared:])

    def _scales(self, feature: Tensor) -> Tensor:
        """The scale of every sample, (M,)."""
        scale = torch.as_tensor(self._scale, dtype=torch.float32, device=feature.device)
        scale = scale.reshape(-1).expand(len(feature)).clone()
        scale[: self._unconditional] *= self.site.uncond_scale
        return scale

    def _matched(self, control: Tensor, feature: Tensor) -> Tensor:
        times, rest = divmod(feature.shape[0], control.shape[0])
        if rest or control.shape[1] != feature.shape[1]:
            raise InjectionError(
                f"control {tuple(control.shape)} does not fit the features "
                f"{tuple(feature.shape)} at {self.site.module}: channels must be equal and the "
                "batch a multiple; check the encoder's out_channels and the number of frames"
            )
        return control.repeat(times, 1, 1, 1) if times > 1 else control


class _Hook(Removable):
    """One hooked block and what is held for it."""

    def __init__(self, block: nn.Module, when: str, held: Sequence[_Held]) -> None:
        self._held = held
        if when == "after":
            self._handle = block.register_forward_hook(self._after)
        else:
            self._handle = block.register_forward_pre_hook(self._before, with_kwargs=True)

    def remove(self) -> None:
        """Take the hook out; may be called twice."""
        self._handle.remove()

    def _before(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        # diffusers passes the hidden state by name in some UNets and by position in others.
        if "hidden_states" in kwargs:
            return args, {**kwargs, "hidden_states": self._add(kwargs["hidden_states"])}
        return (self._add(args[0]), *args[1:]), kwargs

    def _after(self, module: nn.Module, args: Any, output: Any) -> Any:
        # Down blocks return (hidden state, skips), blocks of tokens (text, picture), the other
        # blocks a bare tensor.
        if not isinstance(output, tuple):
            return self._add(output)
        if isinstance(output[1], Tensor):
            return (output[0], self._add(output[1]))
        return (self._add(output[0]), *output[1:])

    def _add(self, feature: Tensor) -> Tensor:
        active = [held for held in self._held if held.control is not None]
        if not active:
            return feature
        if feature.ndim == 3:
            return as_tokens(self._added(as_map(feature, active[0].control), active))
        return self._added(feature, active)

    def _added(self, feature: Tensor, active: Sequence[_Held]) -> Tensor:
        shares = [held.share(feature) for held in active]
        for spared, share in filter(None, shares):
            added = (feature[spared:] + share).to(feature.dtype)
            feature = torch.cat([feature[:spared], added]) if spared else added
        return feature


class Mark(Removable):
    """Shows torch.compile that a module has hooks now, by a class of the same name and content.

    Compiled code is used again where the classes of modules are as they were; whether hooks came
    or went is not looked at, and what was compiled without them would leave them out. What
    torch.compile wrapped around a module needs none: its hooks are called outside.
    """

    def __init__(self, module: nn.Module, name: str) -> None:
        self._module, self._name = module, name
        if not hasattr(module, "_orig_mod"):
            self._set((*_marks(module), name))

    def remove(self) -> None:
        """Take the mark off; may be called twice."""
        marks = list(_marks(self._module))
        if self._name in marks:
            marks.remove(self._name)
            self._set(tuple(marks))
        self._name = ""

    def _set(self, marks: tuple[str, ...]) -> None:
        kind = type(self._module)
        base = kind.__mro__[1] if _marks(self._module) else kind
        self._module.__class__ = _marked(base, tuple(sorted(marks))) if marks else base


def _marks(module: nn.Module) -> tuple[str, ...]:
    return getattr(type(module), "_control_marks", ())


@cache
def _marked(kind: type[nn.Module], marks: tuple[str, ...]) -> type[nn.Module]:
    """The same class for the same marks: what was compiled for it serves again."""
    told = {"_control_marks": marks, "__module__": kind.__module__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), told)


def is_compiled(module: nn.Module) -> bool:
    """Whether torch.compile is at work: around a module, in its place or in a part of it."""
    return any(
        hasattr(one, "_orig_mod") or getattr(one, "_compiled_call_impl", None) is not None
        for one in module.modules()
    )


def as_map(tokens: Tensor, like: Tensor | None) -> Tensor:
    """Tokens (N, T, C) as a feature map (N, C, H, W) of the shape of a control map (.., h, w).

    Transformers cut a map into patches row by row; how large they are follows from the two sizes.
    Raises InjectionError if the tokens are no such map.
    """
    count = tokens.shape[1]
    size = (1, count) if like is None else (like.shape[-2], like.shape[-1])
    height = round((count * size[0] / size[1]) ** 0.5)
    if height == 0 or count % height or height * size[1] != count // height * size[0]:
        raise InjectionError(
            f"{count} tokens cannot be laid out like a control map of {size[0]}x{size[1]}: the "
            "picture's height and width must be multiples of a token's size"
        )
    return rearrange(tokens, "n (h w) c -> n c h w", h=height)


def as_tokens(feature: Tensor) -> Tensor:
    """A feature map (N, C, H, W) as tokens (N, H * W, C)."""
    return rearrange(feature, "n c h w -> n (h w) c")


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
