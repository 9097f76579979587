"""How control joins a denoiser of pictures: one hook, the same in training and in previews."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from temporal.inject import Injector, inject


@contextmanager
def controlled(
    denoiser: nn.Module, part: Any, control: Tensor, scale: Tensor, *, method: str
) -> Iterator[None]:
    """Inside, every call of the denoiser is steered by a control part.

    denoiser: UNet2DConditionModel or SD3Transformer2DModel. part: ControlNeXt, or diffusers'
    ControlNetModel or SD3ControlNetModel; None for none. control: (B, 3, H, W) in [0, 1], for
    ControlNet of SD3 latents (B, c, h, w); scale: (B,). A denoiser's batch may be a multiple.
    """
    if part is None:
        yield
        return
    with ExitStack() as stack:
        if method == "controlnext":
            injector = stack.enter_context(inject(denoiser, part.injection))
            hook = _controlnext_hook(part, injector, control, scale)
        else:
            hook = _controlnet_hook(part, control, scale)
        handle = denoiser.register_forward_pre_hook(hook, with_kwargs=True)
        stack.callback(handle.remove)
        yield


def _controlnext_hook(part: Any, injector: Injector, control: Tensor, scale: Tensor) -> Any:
    def before(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        called = _named(args, kwargs)
        times = len(called["sample"]) // len(control)
        injector.set(part(control, called["timestep"][: len(control)]), scale.repeat(times))

    return before


def _controlnet_hook(part: Any, control: Tensor, scale: Tensor) -> Any:
    def before(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        called = _named(args, kwargs)
        sample = called.pop("sample")
        times = len(sample) // len(control)
        shown, weight = control.repeat(times, 1, 1, 1), scale.repeat(times)
        if "hidden_states" in kwargs:  # SD3's transformer
            added = part(
                hidden_states=sample,
                controlnet_cond=shown,
                return_dict=False,
                **{name: kwargs[name] for name in ("timestep", *_SD3)},
            )[0]
            extra: dict[str, Any] = {
                "block_controlnet_hidden_states": [one * weight[:, None, None] for one in added]
            }
        else:
            skips, middle = part(
                sample,
                called["timestep"],
                encoder_hidden_states=kwargs["encoder_hidden_states"],
                controlnet_cond=shown,
                added_cond_kwargs=kwargs.get("added_cond_kwargs"),
                return_dict=False,
            )
            scaled = weight[:, None, None, None]
            extra = {
                "down_block_additional_residuals": [skip * scaled for skip in skips],
                "mid_block_additional_residual": middle * scaled,
            }
        return args, {**kwargs, **extra}

    return before


_SD3 = ("encoder_hidden_states", "pooled_projections")


def _named(args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Sample and timestep (N,) of a call, by whatever names and places they came."""
    given = dict(zip(("sample", "timestep"), args, strict=False))
    sample = given.get("sample", kwargs.get("sample", kwargs.get("hidden_states")))
    time = given.get("timestep", kwargs.get("timestep"))
    assert isinstance(sample, Tensor)
    assert time is not None
    if isinstance(time, Tensor):
        steps = time.reshape(-1).to(sample.device).expand(len(sample))
    else:
        steps = sample.new_full((len(sample),), float(time))
    return {"sample": sample, "timestep": steps}
