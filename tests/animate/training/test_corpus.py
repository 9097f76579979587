import shutil
from pathlib import Path

import numpy as np
import pytest

from animate.training.corpus import ClipStack, build_corpus, load_corpus, render_sample

from .conftest import MOVING, STILLS


def test_every_clip_is_there_with_its_truth(clips: list[ClipStack]) -> None:
    assert sum(len(stack) for stack in clips) == 3
    for stack in clips:
        size = (stack.bucket.height, stack.bucket.width)
        assert stack.frames.shape == (len(stack), MOVING + STILLS, *size, 3)
        assert stack.parts.shape == (len(stack), MOVING + STILLS, *size)
        assert stack.keypoints.shape == (len(stack), MOVING + STILLS, 133, 2)
        assert (stack.parts > 0).any(axis=(2, 3)).all()


def test_a_seed_always_gives_the_same_clip(clips: list[ClipStack]) -> None:
    bucket, arrays = render_sample(0, moving=MOVING, stills=STILLS)
    stack = next(stack for stack in clips if stack.bucket == bucket)
    assert any(np.array_equal(arrays["frames"], frames) for frames in stack.frames)


def test_only_missing_and_broken_clips_are_rendered_again(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(corpus, folder)
    kept, broken = sorted(folder.glob("*/*.npz"))[:2]
    written = kept.stat().st_mtime_ns
    broken.write_bytes(broken.read_bytes()[:1000])
    assert sum(len(stack) for stack in load_corpus(folder, moving=MOVING)) == 2
    seen: list[tuple[int, int]] = []
    build_corpus(folder, 3, moving=MOVING, stills=STILLS, progress=lambda *done: seen.append(done))
    assert seen == [(3, 3)]
    assert kept.stat().st_mtime_ns == written
    assert sum(len(stack) for stack in load_corpus(folder, moving=MOVING)) == 3


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=tmp_path.name):
        load_corpus(tmp_path)


def test_a_sample_can_bring_depth_and_normals() -> None:
    _, arrays = render_sample(1, moving=2, stills=1, truth=True)
    assert arrays["depth"].shape == arrays["parts"].shape
    assert arrays["normals"].shape == arrays["frames"].shape
    np.testing.assert_array_equal(np.isfinite(arrays["depth"]), arrays["parts"] > 0)
    assert arrays["visible"].shape == (3, 133)
    assert "wearing" in str(arrays["caption"])


def test_photographs_change_the_pictures_and_not_the_truth() -> None:
    (_, drawn), (_, taken) = (render_sample(1, moving=2, stills=1, photos=p) for p in (0.0, 1.0))
    np.testing.assert_array_equal(drawn["keypoints"], taken["keypoints"])
    np.testing.assert_array_equal(drawn["parts"], taken["parts"])
    assert (drawn["frames"] != taken["frames"]).mean() > 0.5
