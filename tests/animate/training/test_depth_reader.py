from __future__ import annotations

from pathlib import Path

import torch

from animate.training.adherence import rank_correlation
from animate.training.depth_reader import DepthReader, DepthTask, read_depth
from animate.training.loop import train
from animate.training.portrait_source import MapSource
from animate.training.portraits import Portraits
from animate.training.settings import LoopSettings
from animate.training.truth_maps import truth_map


def test_a_reader_learns_what_is_near(portraits: Portraits, tmp_path: Path) -> None:
    torch.manual_seed(0)
    reader = DepthReader()
    settings = LoopSettings(
        steps=25, batch=2, rate=3e-3, warm_up=2, ema=0.5, save_every=0, device="cpu"
    )
    outcome = train(DepthTask(reader), MapSource([portraits], "depth"), settings, tmp_path)
    reader.load_state_dict(outcome.weights)
    read = read_depth(reader, portraits.frames[0])
    given = truth_map("depth", portraits, 0)[..., 0]
    assert read.shape == given.shape
    assert rank_correlation(read, given) > 0.5


def test_odd_sizes_are_read() -> None:
    reader = DepthReader()
    assert reader(torch.zeros(2, 3, 45, 38)).shape == (2, 1, 45, 38)
