from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from animate.enlarge import upscale
from animate.pipelines.image import short_prompts
from animate.still_models import load_still_model
from animate.still_settings import StillSettings
from animate.training.bands import REACH
from animate.training.data import stack
from animate.training.enlarging import EnlargeTask, enlarged
from animate.training.mini_sd3 import (
    BEST,
    PROMPT_TOKENS,
    TEXT_WIDTH,
    build_encoder,
    build_pipeline,
    build_transformer,
    grow,
    save_model,
)
from animate.training.settings import StillLoss
from tests.animate.training.test_enlarging import noise


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    torch.manual_seed(0)
    return build_pipeline(tmp_path_factory.mktemp("words")), build_encoder()


def test_what_is_saved_enlarges_pictures(parts: tuple[Any, Any], tmp_path: Path) -> None:
    save_model(*parts, tmp_path)
    model = load_still_model(StillSettings(model=str(tmp_path)))
    assert model.defaults == (BEST["steps"], BEST["guidance"])
    large = upscale(noise(10, 13), model=str(tmp_path), factor=2.0, steps=1)
    assert large.shape == (20, 26, 3)
    weights = sum(file.stat().st_size for file in tmp_path.rglob("*.safetensors"))
    assert weights < 15e6
    for part in parts:
        part.to(torch.float32)


def test_untrained_it_gives_the_smooth_picture(parts: tuple[Any, Any], tmp_path: Path) -> None:
    save_model(*parts, tmp_path)
    small = noise(12, 16)
    large = upscale(small, model=str(tmp_path), factor=4.0, faithful=False)
    gap = np.abs(large.astype(int) - enlarged(small, (48, 64)))
    assert gap.max() <= 2
    for part in parts:
        part.to(torch.float32)


def test_a_grown_transformer_does_the_same_and_learns() -> None:
    torch.manual_seed(0)
    shallow, deep = build_transformer(num_layers=2), build_transformer(num_layers=4)
    torch.nn.init.normal_(shallow.proj_out.weight)
    grow(deep, shallow)
    told = {
        "hidden_states": torch.randn(1, 4, 16, 16),
        "encoder_hidden_states": torch.randn(1, 4, 2 * TEXT_WIDTH),
        "pooled_projections": torch.randn(1, 2 * TEXT_WIDTH),
        "timestep": torch.tensor([500.0]),
    }
    one, other = (model(**told).sample for model in (shallow, deep))
    torch.testing.assert_close(one, other)
    other.sum().backward()
    assert all(block.norm1.linear.weight.grad.abs().max() > 0 for block in deep.transformer_blocks)


def test_a_prompt_has_few_tokens_the_missing_t5_included(parts: tuple[Any, Any]) -> None:
    pipeline = parts[0]
    embeds, _, pooled, _ = pipeline.encode_prompt(
        "a person", "a person", "a person", **short_prompts(pipeline)
    )
    assert embeds.shape == (1, 2 * PROMPT_TOKENS, 2 * TEXT_WIDTH)
    assert pooled.shape == (1, 2 * TEXT_WIDTH)


def test_both_parts_learn_and_nothing_else(parts: tuple[Any, Any]) -> None:
    pipeline, encoder = parts
    for part in (pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2):
        part.requires_grad_(False).eval()
    torch.nn.init.normal_(pipeline.transformer.proj_out.weight)  # zeros, which stop gradients
    task = EnlargeTask(pipeline, StillLoss(), family="sd3", method="controlnext", part=encoder)
    truth = noise(48, 64)
    control = enlarged(enlarged(truth, (12, 16)), truth.shape)
    batch = _batch(truth, control)
    task.loss(batch, [torch.Generator().manual_seed(0)]).backward()
    torch.nn.init.zeros_(pipeline.transformer.proj_out.weight)
    assert set(task.module) == {"transformer", "controlnext"}
    for part in (pipeline.transformer.transformer_blocks[0], encoder):
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in part.parameters())


def _batch(truth: Any, control: Any) -> Any:
    from animate.training.data import Sample

    wide, smooth = (
        np.pad(one, ((REACH, REACH), (REACH, REACH), (0, 0))) for one in (truth, control)
    )
    sample = Sample(control=control[None], reference=smooth, frames=wide[None], caption="x")
    return stack([sample])
