from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from animate.training import mini
from animate.training.batches import LatentStack
from animate.training.corpus import ClipStack, build_corpus, load_corpus
from animate.training.latents import encode_corpus, load_latents
from animate.training.mini_image import TOKENS, seeded_parts
from animate.training.portraits import Portraits, render_portraits
from animate.training.spatial import zero_temporal
from animate.training.vocabulary import write_tokenizer
from temporal.autoencoder import SmallTemporalAutoencoder
from temporal.controlnext import ControlNeXt

from .films import make_films, prepare_films

MOVING, STILLS = 3, 2
SMALL_UNET = {"block_out_channels": (32, 32), "num_attention_heads": (1, 1)}
SMALL_ENCODER = {"num_hidden_layers": 1, "hidden_size": 32, "intermediate_size": 32}
SMALL_CONTROL = {"stem_channels": (8, 8, 8), "block_channels": (8, 16), "out_channels": 32}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    build_corpus(folder, 3, moving=MOVING, stills=STILLS)
    return folder


@pytest.fixture(scope="session")
def clips(corpus: Path) -> list[ClipStack]:
    return load_corpus(corpus, moving=MOVING)


@pytest.fixture(scope="session")
def latents(
    corpus: Path, clips: list[ClipStack], tmp_path_factory: pytest.TempPathFactory
) -> list[LatentStack]:
    """The corpus as the mini's autoencoder, untrained, encodes it."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encoded")
    SmallTemporalAutoencoder(**mini.VAE).save_pretrained(folder / "vae")
    encode_corpus(folder / "vae", corpus, folder / "latents")
    return [load_latents(stack, folder / "latents") for stack in clips]


@pytest.fixture
def video_parts() -> dict[str, nn.Module]:
    """The mini's trained parts at a size for tests, always with the same random weights."""
    torch.manual_seed(0)
    unet: Any = UNetSpatioTemporalConditionModel(**{**mini.UNET, **SMALL_UNET})
    zero_temporal(unet)
    encoder = CLIPVisionConfig(**{**mini.IMAGE_ENCODER, **SMALL_ENCODER})
    return {
        "unet": unet,
        "controlnext": ControlNeXt(**{**mini.CONTROLNEXT, **SMALL_CONTROL}),
        "image_encoder": CLIPVisionModelWithProjection(encoder),
    }


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty films of a cartoon figure, 12 frames of 64x96, with their keypoints beside them."""
    return make_films(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def toy_dataset(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """These films as `animate prepare` leaves them, for `PreparedDataset`; never write there."""
    return prepare_films(films, tmp_path_factory.mktemp("toy") / "dataset").folder


@pytest.fixture(scope="session")
def portraits() -> Portraits:
    """Portraits of one size, two of each character."""
    return render_portraits(3, 8)


@pytest.fixture
def image_parts(portraits: Portraits, tmp_path: Path) -> dict[str, Any]:
    """The embedded picture model's parts, untrained, that know the portraits' words."""
    words = {word for facts in portraits.facts for word in facts.words()}
    return seeded_parts(write_tokenizer(words, tmp_path / "words", length=TOKENS), 0)
