"""Control in a transformer of tokens, as SD3's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from diffusers import SD3Transformer2DModel
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from temporal.controlnext import ControlNeXt
from temporal.crossnorm import AXES, cross_normalize
from temporal.errors import InjectionError
from temporal.inject import as_map, as_tokens, inject
from temporal.sites import SITES, find_site

WIDTH, BLOCKS = 32, 3
PLACES = [f"transformer_blocks.{n}:{when}" for n in range(BLOCKS) for when in ("before", "after")]
Run = Callable[[], Tensor]


@pytest.fixture(scope="module")
def transformer() -> SD3Transformer2DModel:
    torch.manual_seed(0)
    return SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=BLOCKS,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=8,
        caption_projection_dim=WIDTH,
        pooled_projection_dim=8,
        pos_embed_max_size=8,
    ).eval()


@pytest.fixture(scope="module")
def run(transformer: SD3Transformer2DModel) -> Run:
    """The transformer on two pictures that are not square: 4 x 6 tokens."""
    sample = torch.randn(2, 4, 8, 12, generator=torch.Generator().manual_seed(1))

    @torch.no_grad()
    def call() -> Tensor:
        output: Tensor = transformer(
            hidden_states=sample,
            timestep=torch.tensor([500.0, 500.0]),
            encoder_hidden_states=torch.zeros(2, 3, 8),
            pooled_projections=torch.zeros(2, 8),
        ).sample
        return output

    return call


@pytest.fixture(scope="module")
def control() -> Tensor:
    """Features at the latents' size, which is twice that of the tokens."""
    return torch.randn(1, WIDTH, 8, 12, generator=torch.Generator().manual_seed(2))


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3))
def test_tokens_are_the_map_they_were_cut_from(height: int, width: int, patch: int) -> None:
    feature = torch.randn(2, 3, height, width)
    like = torch.empty(1, 3, height * patch, width * patch)
    assert torch.equal(as_map(as_tokens(feature), like), feature)


def test_tokens_that_are_no_such_map_are_refused() -> None:
    with pytest.raises(InjectionError, match=r"15 tokens .* 8x12"):
        as_map(torch.zeros(1, 15, 4), torch.zeros(1, 4, 8, 12))


@pytest.mark.parametrize("place", PLACES)
def test_control_joins_at_any_block(
    place: str, transformer: SD3Transformer2DModel, run: Run, control: Tensor
) -> None:
    plain = run()
    with inject(transformer, place) as injector:
        assert torch.equal(run(), plain)
        injector.set(control)
        assert not torch.allclose(run(), plain, atol=1e-3)
        injector.set(control, 0.0)
        assert torch.equal(run(), plain)
    assert torch.equal(run(), plain)


def test_behind_a_block_is_before_the_next(
    transformer: SD3Transformer2DModel, run: Run, control: Tensor
) -> None:
    def with_control(place: str) -> Tensor:
        with inject(transformer, place) as injector:
            injector.set(control)
            return run()

    after, before = (with_control(f"transformer_blocks.{n}") for n in ("0:after", "1:before"))
    assert torch.equal(after, before)


def test_what_joins_is_the_pooled_control_with_the_tokens_statistics(
    transformer: SD3Transformer2DModel, run: Run, control: Tensor
) -> None:
    seen: list[Tensor] = []
    block = transformer.transformer_blocks[1]
    with inject(transformer, "transformer_blocks.1:before") as injector:
        handle = block.register_forward_pre_hook(
            lambda module, args, kwargs: seen.append(kwargs["hidden_states"]), with_kwargs=True
        )
        run()
        injector.set(control, 0.5)
        run()
        handle.remove()
    feature = as_map(seen[0], control)
    pooled = torch.nn.functional.adaptive_avg_pool2d(control, (4, 6)).expand(2, -1, -1, -1)
    joined = feature + 0.5 * cross_normalize(pooled, feature, eps=SITES["sd3"].eps)
    torch.testing.assert_close(as_map(seen[1], control), joined, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("over", AXES)
def test_axes_are_a_setting_of_the_site(
    over: str, transformer: SD3Transformer2DModel, run: Run, control: Tensor
) -> None:
    site = find_site("transformer_blocks.1:before")
    with inject(transformer, replace(site, over=over)) as injector:  # type: ignore[arg-type]
        injector.set(control)
        changed = run()
    with inject(transformer, site) as injector:
        injector.set(control)
        assert torch.equal(run(), changed) == (over == site.over)


def test_statistics_are_those_of_the_axes() -> None:
    generator = torch.Generator().manual_seed(0)
    control, feature = torch.randn(2, 2, 8, 5, 7, generator=generator) * 3 + 1
    for over, axes in AXES.items():
        fitted = cross_normalize(control, 2 * feature - 4, eps=1e-12, over=over)
        for got, wanted in zip(
            torch.std_mean(fitted, dim=axes),
            torch.std_mean(2 * feature - 4, dim=axes),
            strict=True,
        ):
            torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)


def test_the_encoder_for_sd3_fits_its_tokens() -> None:
    with torch.device("meta"):
        encoder = ControlNeXt.from_variant("sd3")
        features = encoder(torch.empty(1, 3, 1024, 768), 500.0)
    assert features.shape == (1, 1536, 128, 96)
    assert as_map(torch.empty(1, 64 * 48, 1536), features).shape == (1, 1536, 64, 48)
    assert encoder.injection == (SITES["sd3"],)


def test_two_controls_at_one_place_do_not_see_each_other(
    transformer: SD3Transformer2DModel, run: Run, control: Tensor
) -> None:
    def with_controls(*controls: Tensor) -> Tensor:
        with inject(transformer, ["transformer_blocks.1:before"] * len(controls)) as injector:
            injector.set(list(controls), [torch.tensor(0.8)] * len(controls))
            return run()

    other = control.flip(-1) * 5
    torch.testing.assert_close(
        with_controls(control, other), with_controls(other, control), atol=1e-5, rtol=1e-5
    )
    assert not torch.allclose(with_controls(control, other), with_controls(control), atol=1e-3)
