"""Control at several sites, with frames mixed, through the whole pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from animate.pipelines.video import ControlNeXtVideoPipeline
from temporal.controlnext import ControlNeXt


@pytest.fixture(scope="module")
def everywhere(tiny_model: Path) -> ControlNeXtVideoPipeline:
    """The tiny model with an encoder for three sites and trained temporal layers."""
    torch.manual_seed(5)
    encoder = ControlNeXt(
        stem_channels=(8, 8),
        block_channels=(8, 8),
        out_channels=32,
        site=["conv_in", "svd_v1", "up_blocks.1"],
        temporal_layers=1,
        gain=0.5,
    ).eval()
    torch.nn.init.normal_(encoder.get_submodule("temporal_mixing.0.conv").weight)
    pipeline = ControlNeXtVideoPipeline.from_pretrained(tiny_model, controlnext=encoder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def run(pipeline: ControlNeXtVideoPipeline, **settings: object) -> Tensor:
    latents: Tensor = pipeline(
        Image.new("RGB", (32, 32), (200, 30, 60)),
        torch.rand(7, 3, 32, 32, generator=torch.Generator().manual_seed(6)),
        **{"window": 3, "overlap": 1, "num_inference_steps": 2, **settings},
        generator=torch.Generator().manual_seed(7),
        output_type="latent",
    ).frames
    return latents


def test_what_is_kept_does_not_change_the_result(everywhere: ControlNeXtVideoPipeline) -> None:
    assert torch.equal(run(everywhere, control_memory=0), run(everywhere))


def test_halves_apart_get_the_same_control(everywhere: ControlNeXtVideoPipeline) -> None:
    together = run(everywhere)
    torch.testing.assert_close(run(everywhere, halves_apart=True), together, atol=1e-3, rtol=1e-3)
    assert not torch.allclose(run(everywhere, control_scale=0.0), together, atol=1e-2)


def test_sites_and_mixing_travel_with_the_folder(
    everywhere: ControlNeXtVideoPipeline, tmp_path: Path
) -> None:
    everywhere.save_pretrained(tmp_path)
    again = ControlNeXtVideoPipeline.from_pretrained(tmp_path)
    again.set_progress_bar_config(disable=True)
    assert again.controlnext.injection == everywhere.controlnext.injection
    # Loaded weights lie elsewhere in memory, which changes how sums are rounded.
    torch.testing.assert_close(run(again), run(everywhere), atol=1e-4, rtol=1e-4)
