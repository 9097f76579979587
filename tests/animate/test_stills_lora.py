"""LoRA over a controlled model: trained here, and both are seen to work together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from animate.errors import ModelError
from animate.pipelines.image import denoiser_of
from animate.still_models import StillModel
from animate.still_parts import prepared
from animate.still_settings import ControlChoice, StillSettings
from animate.stills import control_image
from animate.training.data import Sample
from animate.training.loop import train
from animate.training.settings import ExportSettings, LoopSettings, ModelSettings, StillLoss
from animate.training.still_models import build_still_task
from temporal.checkpoints import save_controlnext
from tests.animate.pipelines.stills import FAMILIES, SIZE, Still, make_still, model_of

pytest.importorskip("peft")
Make = Callable[..., Any]


class RedPictures:
    """What the LoRA learns: nothing but one colour."""

    def bucket(self, rng: np.random.Generator) -> None:
        return None

    def sample(self, bucket: Any, rng: np.random.Generator) -> Sample:
        frames = np.zeros((1, SIZE, SIZE, 3), np.uint8)
        frames[..., 0] = 255
        return Sample(control=frames, reference=frames[0], frames=frames, caption="a b")


@pytest.fixture(scope="module", params=FAMILIES)
def still(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Still:
    made = make_still(request.param, tmp_path_factory.mktemp("lora") / request.param)
    own = made.folder / "controls" / "canny"
    own.mkdir(parents=True)
    save_controlnext(made.parts["controlnext"], own / "controlnext.safetensors")
    return made


@pytest.fixture(scope="module")
def lora(still: Still, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA trained for a few steps on red pictures."""
    folder = tmp_path_factory.mktemp("trained")
    model = ModelSettings(family=still.family, method="lora", base=str(still.folder), rank=4)
    task = build_still_task(model, StillLoss(prompt_dropout=0.0), ExportSettings(number="fp32"))
    settings = LoopSettings(
        steps=12, batch=2, rate=5e-3, warm_up=1, ema=0.0, save_every=0, device="cpu"
    )
    outcome = train(task, RedPictures(), settings, folder / "run")
    (folder / "result").mkdir()
    task.export(folder / "result", outcome.weights)
    return next((folder / "result").rglob("*.safetensors"))


@pytest.fixture
def model(still: Still) -> StillModel:
    return model_of(still)


@pytest.fixture
def paint(model: StillModel) -> Make:
    edges = np.zeros((SIZE, SIZE, 3), np.uint8)
    edges[20:44, 20:22] = edges[20:22, 20:44] = 255

    def call(**settings: Any) -> Any:
        quick = {"kind": "canny", "annotate": False, "steps": 3, "size": (SIZE, SIZE)}
        told = {"prompt": "a b", "guidance": 1.0, **quick, **settings}
        return control_image(edges, loaded=model, **told).images[0].astype(float)

    return call


def test_lora_and_control_work_together(paint: Make, lora: Path, model: StillModel) -> None:
    before = {n: v.clone() for n, v in denoiser_of(model.pipeline).state_dict().items()}
    bare, controlled = paint(control_scale=0.0), paint()
    styled = paint(control_scale=0.0, lora=((str(lora), 1.0),))
    both = paint(lora=((str(lora), 1.0),))
    control, style = np.abs(controlled - bare).mean(), np.abs(styled - bare).mean()
    # Each still moves the picture by at least half of what it does alone.
    assert min(control, style) > 0.5  # of 255
    assert np.abs(both - styled).mean() > control / 2
    assert np.abs(both - controlled).mean() > style / 2
    assert np.array_equal(paint(), controlled)
    after = denoiser_of(model.pipeline).state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in after.items())


def test_scales_weigh_and_several_add_up(paint: Make, lora: Path) -> None:
    file = str(lora)
    full = paint(lora=((file, 1.0),))
    halves = paint(lora=((file, 0.5), (file, 0.5)))
    assert np.abs(full - halves).max() <= 2  # of 255: one is the sum of two halves
    assert np.array_equal(paint(lora=((file, 0.0),)), paint())


def test_the_callers_own_lora_stays_as_it_was(paint: Make, lora: Path, model: StillModel) -> None:
    model.pipeline.load_lora_weights(str(lora), adapter_name="mine")
    try:
        model.pipeline.set_adapters("mine", 0.5)
        half, names = paint(), model.pipeline.get_list_adapters()
        full = paint(lora=((str(lora), 0.5),))
        assert model.pipeline.get_list_adapters() == names
        assert model.pipeline.get_active_adapters() == ["mine"]
        assert np.array_equal(paint(), half)
        model.pipeline.set_adapters("mine", 1.0)
        # Both acted: one is the sum of two halves.
        assert np.abs(paint() - full).mean() < 0.2 * np.abs(full - half).mean()
    finally:
        model.pipeline.unload_lora_weights()


def test_the_trained_loss_is_kept_under_control(
    still: Still, lora: Path, model: StillModel
) -> None:
    """The LoRA's own figure: how much nearer the denoiser comes to red pictures."""
    settings = StillSettings(model=str(still.folder), lora=((str(lora), 1.0),))
    choice = ControlChoice(picture=None, kind="canny")
    plain = _loss(model, None)
    with prepared(model, [choice], settings, lambda line: None, method="controlnext") as parts:
        assert _loss(model, None) < plain
        assert _loss(model, parts[0]) != _loss(model, None)
    assert _loss(model, None) == plain


def test_a_lora_for_another_model_is_refused(paint: Make, lora: Path, tmp_path: Path) -> None:
    tensors: dict[str, Tensor] = load_file(lora)
    save_file(
        {k: torch.cat([v, v], dim=-1) for k, v in tensors.items()}, tmp_path / "wide.safetensors"
    )
    with pytest.raises(ModelError, match="do not fit"):
        paint(lora=((str(tmp_path / "wide.safetensors"), 1.0),))
    assert np.array_equal(paint(), paint())


def _loss(model: StillModel, part: Any) -> float:
    from animate.training.data import stack
    from animate.training.feed import Share
    from animate.training.stills import StillTask

    task = StillTask(
        model.pipeline,
        StillLoss(prompt_dropout=0.0, control_dropout=0.0),
        family=model.family,
        method="controlnext",
        part=part,
    )
    batch = stack([RedPictures().sample(None, np.random.default_rng(0))] * 8)
    with torch.no_grad():
        return float(task.loss(batch, Share(seed=0, size=8).generators(0, 0)))
