"""Fixtures that more than one package's tests use."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers that each use all cores wait for one another most of the time. Set before torch is
    # imported, and passed on to the commands under test.
    shared_by = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // shared_by)))


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Undo what a shell does to background jobs: they, and so the commands under test, would
    ignore an interrupt. A handler, unlike "ignore", is not passed on to started programs."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tracked poses are remembered for the session, and never in the user's own folder."""
    os.environ["ANIMATE_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of fixtures beside the repository; tests that need it skip without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs the fixture folder {folder.name}/ beside the repository")
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """The sample clip and reference that the project ships."""
    return ROOT / "samples"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a complete model, as small as the classes allow, with random weights."""
    import torch
    from diffusers import (
        AutoencoderKLTemporalDecoder,
        EulerDiscreteScheduler,
        UNetSpatioTemporalConditionModel,
    )
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    from animate.pipelines.video import ControlNeXtVideoPipeline
    from temporal.controlnext import ControlNeXt

    torch.manual_seed(0)
    vision = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=224,
        patch_size=112,
        projection_dim=32,
    )
    pipeline = ControlNeXtVideoPipeline(
        vae=AutoencoderKLTemporalDecoder(
            block_out_channels=(32, 32),
            down_block_types=("DownEncoderBlock2D",) * 2,
            layers_per_block=1,
            latent_channels=4,
            sample_size=32,
            force_upcast=False,
        ),
        image_encoder=CLIPVisionModelWithProjection(vision),
        unet=UNetSpatioTemporalConditionModel(
            in_channels=8,
            out_channels=4,
            block_out_channels=(32, 32),
            down_block_types=("DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"),
            up_block_types=("CrossAttnUpBlockSpatioTemporal", "UpBlockSpatioTemporal"),
            layers_per_block=1,
            num_attention_heads=2,
            cross_attention_dim=32,
            addition_time_embed_dim=32,
            projection_class_embeddings_input_dim=96,
            sample_size=16,
        ),
        scheduler=EulerDiscreteScheduler(
            prediction_type="v_prediction",
            timestep_type="continuous",
            timestep_spacing="leading",
            use_karras_sigmas=True,
            sigma_min=0.02,
            sigma_max=30.0,
        ),
        feature_extractor=CLIPImageProcessor(),
        controlnext=ControlNeXt(
            stem_channels=(8, 8, 16),
            stem_padding=1,
            block_channels=(16, 16),
            out_channels=32,
            gain=1.0,
            control_look="soft",
        ),
    )
    folder = tmp_path_factory.mktemp("models") / "tiny"
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.fixture(scope="session")
def dance(samples: Path) -> Path:
    """The driving clip that the project ships."""
    return _shipped(samples / "dance.mp4")


@pytest.fixture(scope="session")
def hero(samples: Path) -> Path:
    """The reference picture that the project ships."""
    return _shipped(samples / "hero.png")


def _shipped(path: Path) -> Path:
    if not path.is_file():
        pytest.skip(f"needs {path.name}, which scripts/make_samples.py renders")
    return path
