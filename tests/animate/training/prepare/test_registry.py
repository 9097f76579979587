"""Control maps and captioners by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
)

from animate.annotators import KINDS
from animate.errors import ModelError, UsageError
from animate.training.prepare.registry import annotator, captioner

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "a", "person", "dances"]


def test_every_kind_but_skeletons_can_be_prepared() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 30:] = 200
    assert annotator("softedge").make(picture).max() > 100
    assert [kind for kind in KINDS if kind != "pose" and annotator(kind).quick] == ["canny"]
    with pytest.raises(UsageError, match="unknown annotator 'pose'"):
        annotator("pose")


def test_blip_describes_a_picture_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    tokens = {"vocab_size": len(WORDS), "bos_token_id": 5, "sep_token_id": 3, "pad_token_id": 0}
    config = BlipConfig(
        text_config={**sizes, **tokens, "num_attention_heads": 2, "encoder_hidden_size": 16},
        vision_config={**sizes, "num_attention_heads": 2, "image_size": 32, "patch_size": 16},
        projection_dim=16,
    )
    BlipForConditionalGeneration(config).save_pretrained(tmp_path / "blip")
    small = BlipImageProcessor(size={"height": 32, "width": 32})
    tokenizer = BertTokenizer(str(tmp_path / "vocab.txt"))
    BlipProcessor(small, tokenizer).save_pretrained(tmp_path / "blip")
    caption = captioner(f"blip:{tmp_path / 'blip'}")(np.zeros((48, 64, 3), np.uint8))
    assert isinstance(caption, str)


def test_a_folder_without_a_captioner_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no BLIP captioner"):
        captioner(f"blip:{tmp_path}")


def test_unknown_captioners_are_told() -> None:
    with pytest.raises(UsageError, match=r"unknown captioner 'x'; known:.*blip:FOLDER"):
        captioner("x")
