"""Models that are shown more of the reference than SVD's: its own control, all of its tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from animate.pipelines import ControlNeXtVideoPipeline
from animate.pipelines.conditions import encode_image
from temporal.controlnext import ControlNeXt
from temporal.errors import ControlError


def with_encoder(
    pipeline: ControlNeXtVideoPipeline, **settings: Any
) -> Iterator[ControlNeXtVideoPipeline]:
    before = pipeline.controlnext
    torch.manual_seed(0)
    pipeline.controlnext = ControlNeXt.from_config({**before.config, **settings}).eval()
    yield pipeline
    pipeline.controlnext = before


@pytest.fixture
def seeing(pipeline: ControlNeXtVideoPipeline) -> Iterator[ControlNeXtVideoPipeline]:
    """The tiny pipeline with an encoder of six channels."""
    yield from with_encoder(pipeline, in_channels=6)


@pytest.fixture
def drafting(pipeline: ControlNeXtVideoPipeline) -> Iterator[ControlNeXtVideoPipeline]:
    """The tiny pipeline with an encoder that sees drafts, at a site as large as the latents."""
    yield from with_encoder(
        pipeline,
        draft_channels=pipeline.vae.config["latent_channels"],
        site="conv_in",
        out_channels=pipeline.unet.config["block_out_channels"][0],
        stem_channels=(),
        block_channels=(16,),
    )


@pytest.fixture
def all_tokens(pipeline: ControlNeXtVideoPipeline) -> Iterator[ControlNeXtVideoPipeline]:
    """The tiny pipeline with an image encoder that gives every token."""
    pipeline.image_encoder.config.all_tokens = True
    yield pipeline
    del pipeline.image_encoder.config.all_tokens


def test_the_references_control_steers(
    seeing: ControlNeXtVideoPipeline, run: Any, control: Tensor
) -> None:
    unknown, black, known = (
        run(reference_control=own) for own in (None, torch.zeros_like(control[0]), control[0])
    )
    assert torch.equal(unknown, black)
    assert not torch.allclose(unknown, known, atol=1e-3)


def test_an_encoder_that_does_not_see_it_ignores_it(run: Any, control: Tensor) -> None:
    assert torch.equal(run(), run(reference_control=control[0]))


def test_control_of_another_size_is_refused(seeing: ControlNeXtVideoPipeline, run: Any) -> None:
    with pytest.raises(ControlError, match="size of the result"):
        run(reference_control=torch.zeros(3, 8, 8))


def test_drafts_steer(drafting: ControlNeXtVideoPipeline, run: Any, control: Tensor) -> None:
    plain, other = run(), run(drafts=control)
    assert not torch.allclose(plain, other, atol=1e-3)
    assert torch.equal(other, run(drafts=lambda start, stop: control[start:stop]))


def test_the_picture_is_the_draft_where_none_is_known(
    drafting: ControlNeXtVideoPipeline, run: Any, control: Tensor, picture: Image.Image
) -> None:
    size = (control.shape[-2], control.shape[-1])
    still = drafting.video_processor.preprocess(picture, *size) / 2 + 0.5
    assert torch.equal(run(), run(drafts=still.expand(len(control), -1, -1, -1)))


def test_without_control_there_are_no_drafts(
    drafting: ControlNeXtVideoPipeline, run: Any, control: Tensor
) -> None:
    assert torch.equal(run(control_scale=0.0), run(control_scale=0.0, drafts=control))


def test_tokens_end_in_what_clip_sums_up(
    all_tokens: ControlNeXtVideoPipeline, picture: Any
) -> None:
    with torch.no_grad():
        tokens = encode_image(all_tokens, picture, guided=True)
        all_tokens.image_encoder.config.all_tokens = False
        summary = encode_image(all_tokens, picture, guided=True)
    config = all_tokens.image_encoder.config
    patches = (config.image_size // config.patch_size) ** 2
    assert tokens.shape == (2, 1 + patches, config.projection_dim)
    assert torch.allclose(tokens[:, :1], summary, atol=1e-5)
    assert not tokens[0].any()
    assert not all_tokens.image_encoder._forward_hooks


def test_every_token_steers(all_tokens: ControlNeXtVideoPipeline, run: Any) -> None:
    many = run()
    all_tokens.image_encoder.config.all_tokens = False
    assert not torch.allclose(many, run(), atol=1e-4)
