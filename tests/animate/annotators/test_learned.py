"""Learned annotators, with tiny networks of random weights in the layouts of the real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    DPTConfig,
    DPTForDepthEstimation,
    DPTImageProcessor,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    SegformerImageProcessor,
)

from animate.annotators import MapSettings, open_annotator
from animate.annotators.hed import HED
from animate.annotators.palette import palette
from animate.errors import ModelError

PICTURE = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)


def save_segmentation(folder: Path, classes: int) -> None:
    config = SegformerConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 8, 8],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=8,
        num_labels=classes,
    )
    SegformerForSemanticSegmentation(config).save_pretrained(folder)
    SegformerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)


def test_classes_get_the_colours_of_ade20k(tmp_path: Path) -> None:
    save_segmentation(tmp_path, 150)
    with open_annotator("segmentation", settings=MapSettings(model=tmp_path)) as annotator:
        made = annotator(PICTURE)
    colours = {tuple(colour) for colour in palette()}
    assert {tuple(colour) for colour in made.reshape(-1, 3)} <= colours


def test_a_model_of_other_classes_is_refused(tmp_path: Path) -> None:
    save_segmentation(tmp_path, 19)
    with pytest.raises(ModelError, match="knows 19 classes"):
        open_annotator("segmentation", settings=MapSettings(model=tmp_path))


def test_depth_fills_all_levels(tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    config = DPTConfig(
        **sizes,
        num_hidden_layers=4,
        image_size=32,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        is_hybrid=False,
    )
    model = DPTForDepthEstimation(config)
    torch.nn.init.ones_(model.head.head[-2].bias)  # else its last ReLU gives zeros
    torch.nn.init.normal_(model.head.head[-2].weight, std=1e3)
    model.save_pretrained(tmp_path)
    DPTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    with open_annotator("depth", settings=MapSettings(model=tmp_path)) as annotator:
        made = annotator(PICTURE)
    assert made.shape == PICTURE.shape
    assert (made.min(), made.max()) == (0, 255)


def test_hed_loads_the_official_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = HED().state_dict()
    assert len(weights) == 1 + 2 * 13 + 2 * 5
    assert weights["block3.convs.2.weight"].shape == (256, 256, 3, 3)
    torch.save(weights, tmp_path / "ControlNetHED.pth")
    with open_annotator("softedge", settings=MapSettings(model=tmp_path)) as annotator:
        assert annotator.method == "hed"
        assert annotator(PICTURE).shape == PICTURE.shape


def test_damaged_weights_are_told(tmp_path: Path) -> None:
    (tmp_path / "ControlNetHED.pth").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ModelError, match="is not ControlNet's HED"):
        open_annotator("softedge", "hed", MapSettings(model=tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="holds no model of this kind"):
        open_annotator("depth", settings=MapSettings(model=tmp_path))
