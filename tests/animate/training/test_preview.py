from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animate.training.data import Sample
from animate.training.methods import load_video
from animate.training.preview import VideoPreview, psnr, write_comparison
from animate.training.settings import PreviewSettings
from animate.video import VideoWriter
from pose.video import open_video
from tests.animate.training.tiny_video import settings_of

SIZE = (32, 48)


class OneClip:
    def __init__(self, frames: int) -> None:
        self.frames = frames

    def bucket(self, rng: np.random.Generator) -> None:
        return None

    def sample(self, bucket: None, rng: np.random.Generator) -> Sample:
        pictures = rng.integers(0, 256, (self.frames, SIZE[1], SIZE[0], 3)).astype(np.uint8)
        return Sample(control=pictures, reference=pictures[0], frames=pictures)


@pytest.mark.parametrize("frames", [1, 3])
def test_looks_are_written_and_repeat(tiny_model: Path, tmp_path: Path, frames: int) -> None:
    pipeline = load_video(settings_of(tiny_model))
    preview = VideoPreview(pipeline, OneClip(frames), PreviewSettings(samples=1, steps=2))
    first = preview(tmp_path)
    assert first == preview(tmp_path)
    assert 0 < first["psnr"] < 30
    file = tmp_path / ("sample_0.png" if frames == 1 else "sample_0.mp4")
    picture = Image.open(file) if frames == 1 else Image.fromarray(next(iter(open_video(file))))
    assert picture.size == (4 * SIZE[0], SIZE[1])


def test_a_judge_that_sees_nobody_ends_no_run(tiny_model: Path, hero: Path, tmp_path: Path) -> None:
    nobody = tmp_path / "nobody.mp4"
    with VideoWriter(nobody, (64, 96), 24.0) as writer:
        for _ in range(3):
            writer.write(np.full((96, 64, 3), 128, np.uint8))
    settings = PreviewSettings(samples=0, driving=str(nobody), ref=str(hero), steps=1)
    preview = VideoPreview(load_video(settings_of(tiny_model)), OneClip(1), settings)
    assert preview(tmp_path) == {}
    assert (tmp_path / "clip.txt").read_text().strip()


def test_psnr_is_of_the_figure_where_it_is_known() -> None:
    truth = np.zeros((1, 4, 4, 3), np.uint8)
    result, weight = truth.copy(), np.ones((1, 4, 4), np.float32)
    result[:, 0] = 255  # all of the background's first row is wrong
    weight[:, 1:] = 4.0
    assert psnr(result, truth, None) == pytest.approx(6.02, abs=0.01)
    assert psnr(result, truth, weight) > 90


def test_without_a_truth_there_are_three_columns(tmp_path: Path) -> None:
    picture = np.zeros((1, 8, 6, 3), np.uint8)
    write_comparison(tmp_path / "x", Sample(control=picture, reference=picture[0]), picture)
    assert Image.open(tmp_path / "x.png").size == (18, 8)
