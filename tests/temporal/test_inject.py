from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from temporal.controlnext import ControlNeXt
from temporal.errors import InjectionError
from temporal.inject import Mark, inject
from temporal.sites import SITES, Site, describe_site, find_site

Run = Callable[[], Tensor]
FRAMES = 6  # samples that the tiny UNet sees: two clips of three frames


@pytest.fixture(scope="module")
def control() -> Tensor:
    return torch.randn(FRAMES, 32, 4, 4, generator=torch.Generator().manual_seed(3))


def hooks(module: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules())


@torch.no_grad()
def test_without_control_the_unet_is_untouched(unet: nn.Module, run: Run) -> None:
    plain = run()
    with inject(unet, "svd_v2") as injector:
        assert torch.equal(run(), plain)
        injector.set(None)
        assert torch.equal(run(), plain)


@torch.no_grad()
@pytest.mark.parametrize("site", sorted(SITES.keys() - {"sd3"}))
def test_every_site_changes_the_result(
    site: str, unet: nn.Module, run: Run, control: Tensor
) -> None:
    plain = run()
    with inject(unet, site) as injector:
        injector.set(control)
        assert not torch.allclose(run(), plain, atol=1e-4)
    assert torch.equal(run(), plain)


@torch.no_grad()
def test_scale_zero_is_no_control(unet: nn.Module, run: Run, control: Tensor) -> None:
    plain = run()
    with inject(unet, "svd_v2") as injector:
        injector.set(control, 0.0)
        assert torch.equal(run(), plain)


@torch.no_grad()
def test_scale_may_differ_between_samples(unet: nn.Module, run: Run, control: Tensor) -> None:
    plain = run()
    with inject(unet, "svd_v2") as injector:
        injector.set(control, torch.tensor([0.0] * 3 + [1.0] * 3))
        mixed = run()
    torch.testing.assert_close(mixed[0], plain[0])
    assert not torch.allclose(mixed[1], plain[1], atol=1e-4)


@torch.no_grad()
def test_control_is_repeated_for_guidance_halves(
    unet: nn.Module, run: Run, control: Tensor
) -> None:
    half = control[:3]
    with inject(unet, "svd_v2") as injector:
        injector.set(half)
        short = run()
        injector.set(torch.cat([half, half]))
        assert torch.equal(short, run())


BLOCKS = ["down_blocks.0", "down_blocks.1", "mid_block", "up_blocks.0", "up_blocks.1"]
PLACES = ["conv_in", *(f"{block}:{when}" for block in BLOCKS for when in ("before", "after"))]


@torch.no_grad()
@pytest.mark.parametrize("place", PLACES)
def test_control_joins_at_any_depth(place: str, unet: nn.Module, run: Run, control: Tensor) -> None:
    plain = run()
    with inject(unet, place) as injector:
        injector.set(control)
        changed = run()
        injector.set(control, 0.0)
        assert torch.equal(run(), plain)
    assert not torch.allclose(changed, plain, atol=1e-4)
    assert hooks(unet) == 0


@torch.no_grad()
def test_several_sites_add_what_each_alone_would(
    unet: nn.Module, run: Run, control: Tensor
) -> None:
    other = control.flip(0)
    with inject(unet, ["conv_in", "up_blocks.1"]) as injector:
        injector.set([control, other])
        both = run()
    with inject(unet, "conv_in") as first, inject(unet, "up_blocks.1") as second:
        first.set(control)
        alone = run()
        second.set(other)
        assert torch.equal(run(), both)
    assert not torch.equal(alone, both)


@torch.no_grad()
@pytest.mark.parametrize("place", ["svd_v2", "svd_v1", "sdxl"])
def test_the_unconditional_half_gets_its_share(
    place: str, unet: nn.Module, run: Run, control: Tensor
) -> None:
    half = control[:3]
    share = find_site(place).uncond_scale
    with inject(unet, {**describe_site(find_site(place)), "uncond_scale": 1.0}) as injector:
        injector.set(half, torch.tensor([0.7 * share] * 3 + [0.7] * 3))
        expected = run()
    with inject(unet, place) as injector:
        injector.set(half, 0.7, unconditional=3)
        torch.testing.assert_close(run(), expected, atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_a_batch_that_is_all_unconditional_is_untouched(
    unet: nn.Module, run: Run, control: Tensor
) -> None:
    plain = run()
    with inject(unet, "svd_v2") as injector:
        injector.set(control[:3], unconditional=FRAMES)
        assert torch.equal(run(), plain)


def test_nothing_is_hooked_if_one_site_is_missing(unet: nn.Module) -> None:
    with pytest.raises(InjectionError, match=r"down_blocks\.9"):
        inject(unet, ["conv_in", "down_blocks.9"])
    assert hooks(unet) == 0


def test_each_site_needs_its_control(unet: nn.Module, control: Tensor) -> None:
    with (
        inject(unet, ["conv_in", "mid_block"]) as injector,
        pytest.raises(InjectionError, match="control for 1 sites"),
    ):
        injector.set(control)


def test_hooks_are_removed_after_use_and_after_errors(unet: nn.Module) -> None:
    with inject(unet, "svd_v2"):
        assert hooks(unet) == 1
    assert hooks(unet) == 0
    with pytest.raises(RuntimeError, match="boom"), inject(unet, "sdxl"):
        raise RuntimeError("boom")
    assert hooks(unet) == 0


def test_removing_twice_is_harmless(unet: nn.Module) -> None:
    injector = inject(unet, "svd_v1")
    injector.remove()
    injector.remove()
    assert hooks(unet) == 0


@torch.no_grad()
@pytest.mark.parametrize("site", ["svd_v2", "sdxl", "conv_in"])
def test_earlier_skips_keep_the_value_without_control(
    site: str, unet: Any, run: Run, control: Tensor
) -> None:
    def last_skip() -> Tensor:
        # The last up block consumes the skips of the first down block and of conv_in.
        seen: list[Tensor] = []
        block = unet.up_blocks[-1]
        handle = block.register_forward_pre_hook(
            lambda module, args, kwargs: seen.append(kwargs["res_hidden_states_tuple"][0]),
            with_kwargs=True,
        )
        run()
        handle.remove()
        return seen[0]

    plain = last_skip()
    with inject(unet, site) as injector:
        injector.set(control)
        assert torch.equal(last_skip(), plain)


def test_gradients_reach_the_encoder(unet: nn.Module, run: Run, encoder: ControlNeXt) -> None:
    frames = torch.rand(2, 3, 3, 32, 32)
    with inject(unet, "svd_v2", gain=1.0) as injector:
        injector.set(encoder(frames, 0.5))
        run().square().mean().backward()
    weight = encoder.get_submodule("embedding.0").weight
    assert isinstance(weight.grad, Tensor)
    assert weight.grad.abs().sum() > 0
    encoder.zero_grad()
    unet.zero_grad()


@torch.no_grad()
def test_features_keep_their_dtype_under_autocast(
    unet: nn.Module, run: Run, control: Tensor
) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16), inject(unet, "svd_v2") as injector:
        plain = run()
        injector.set(control)
        assert run().dtype == plain.dtype


def test_sigmoid_site_leaves_half_the_gain_at_scale_zero() -> None:
    feature, control = torch.randn(2, 1, 8, 4, 4).unbind()
    site = SITES["svd_v1"]
    full = find_site({**describe_site(site), "act": "identity", "gain": 0.65})
    torch.testing.assert_close(site.add(feature, control, 0.0), full.add(feature, control, 1.0))


def test_a_missing_module_is_named(unet: nn.Module) -> None:
    site = Site(module="down_blocks.9", when="after", order="norm_pool", eps=1e-5)
    with pytest.raises(InjectionError, match=r"down_blocks\.9"):
        inject(unet, site)


@torch.no_grad()
@pytest.mark.parametrize("shape", [(FRAMES, 16, 4, 4), (4, 32, 4, 4)])
def test_control_that_does_not_fit_is_refused(
    shape: tuple[int, ...], unet: nn.Module, run: Run
) -> None:
    with inject(unet, "svd_v2") as injector:
        injector.set(torch.randn(shape))
        with pytest.raises(InjectionError, match="does not fit"):
            run()


def compiled(model: nn.Sequential, way: str, backend: Callable[..., Any]) -> Any:
    if way == "around":
        return torch.compile(model, backend=backend)
    for module in [model] if way == "in place" else model:
        module.compile(backend=backend)
    return model


@torch.no_grad()
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("way", ["around", "in place", "by blocks"])
def test_what_was_compiled_without_control_is_not_used_with_it(way: str, when: Any) -> None:
    model, graphs = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)), []
    picture, control = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    site = Site(module="1", when=when, order="norm_pool", eps=1e-5)

    def both(denoiser: Any) -> Tensor:
        plain = denoiser(picture)
        with inject(denoiser, [site, site]) as injector:
            injector.set([control, control])
            return torch.stack([plain, denoiser(picture)])

    def note(graph: Any, examples: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    expected, denoiser = both(model), compiled(model, way, note)
    torch.testing.assert_close(both(denoiser), expected)
    count = len(graphs)
    torch.testing.assert_close(both(denoiser), expected)
    assert len(graphs) == count > 0  # each way is compiled once
    assert [type(block) for block in model] == [nn.Conv2d, nn.Conv2d]
    torch.compiler.reset()


def test_marks_may_go_in_any_order() -> None:
    block = nn.Conv2d(4, 4, 1)
    first, second = Mark(block, "before"), Mark(block, "after")
    both = type(block)
    first.remove()
    first.remove()
    assert type(block) not in (nn.Conv2d, both)
    again = Mark(block, "before")
    assert type(block) is both
    second.remove()
    again.remove()
    assert type(block) is nn.Conv2d
