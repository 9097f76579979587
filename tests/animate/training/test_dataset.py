"""Samples from a prepared data set."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animate.errors import UsageError
from animate.training.batches import PART_WEIGHTS
from animate.training.data import SampleError, stack
from animate.training.dataset import PreparedDataset
from animate.training.prepare import DatasetError, Plan, prepare, read_index
from animate.training.prepare.index import write_index
from animate.training.prepare.shards import clear, pack
from pose.draw import draw
from pose.files import load_poses

from .films import FRAMES, HEIGHT, WIDTH

SIZES = [(64, 96), (96, 64)]


def source(folder: Path, **changes: Any) -> PreparedDataset:
    return PreparedDataset(folder, **{"frames": 4, "sizes": SIZES, **changes})


def drawn(data: PreparedDataset, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    return data.sample(data.bucket(rng), rng)


def test_a_sample_has_all_that_training_needs(toy_dataset: Path) -> None:
    sample = drawn(source(toy_dataset), 0)
    assert sample.frames.shape == sample.control.shape == (4, HEIGHT, WIDTH, 3)
    assert sample.reference.shape == (HEIGHT, WIDTH, 3)
    assert sample.weight.shape == (4, HEIGHT, WIDTH)
    assert set(np.unique(sample.weight)) == set(PART_WEIGHTS.tolist())
    assert sample.control.any()
    assert sample.name in {row.name for row in read_index(toy_dataset)}


def test_samples_stack_to_a_batch(toy_dataset: Path) -> None:
    data = source(toy_dataset)
    batch = stack([data.sample(0, np.random.default_rng(seed)) for seed in range(2)])
    assert batch.frames is not None
    assert batch.frames.shape == (2, 4, HEIGHT, WIDTH, 3)


def test_a_generator_always_gives_the_same_sample(toy_dataset: Path) -> None:
    data = source(toy_dataset)
    again = pickle.loads(pickle.dumps(data))  # as processes that load data get it
    one, other = asdict(drawn(data, 3)), asdict(drawn(again, 3))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert not np.array_equal(one["frames"], drawn(data, 4).frames)


def test_the_reference_lies_apart_from_the_frames(toy_dataset: Path) -> None:
    data = source(toy_dataset)
    row = data.groups[0][0]
    for seed in range(30):
        shown, reference = data._choose_frames(row, np.random.default_rng(seed))
        assert len(shown) == 4
        assert list(np.diff(shown)) == [1, 1, 1]
        assert 0 <= reference < FRAMES
        assert min(abs(reference - place) for place in shown) >= 4


def test_a_clip_no_longer_than_the_sample_still_has_a_reference(toy_dataset: Path) -> None:
    data = source(toy_dataset, frames=FRAMES)
    assert drawn(data, 0).frames.shape[0] == FRAMES


def test_frames_come_at_the_rate_asked_for(toy_dataset: Path) -> None:
    data = source(toy_dataset, fps=6.0)
    shown, _ = data._choose_frames(data.groups[0][0], np.random.default_rng(0))
    assert list(np.diff(shown)) == [2, 2, 2]


def test_frames_and_keypoints_are_cropped_alike(toy_dataset: Path) -> None:
    """Hands are painted in one colour each: where the weights say hand, the picture has it."""
    sample = drawn(source(toy_dataset, sizes=[(128, 160)]), 1)
    hands = sample.weight[0] == PART_WEIGHTS[2]
    colours = sample.frames[0][hands].astype(int)
    spread = np.abs(colours - np.median(colours, axis=0)).sum(axis=1)
    assert np.median(spread) < 30


def test_without_noise_the_skeleton_is_drawn_from_the_keypoints(toy_dataset: Path) -> None:
    data = source(toy_dataset, frames=1, noise=False, sizes=[(WIDTH, HEIGHT)], look="official")
    row = data.groups[0][0]
    poses = load_poses(toy_dataset / row.poses)
    sample = next(s for s in (drawn(data, seed) for seed in range(500)) if s.name == row.name)
    drawings = [draw(*poses.frame(place), (WIDTH, HEIGHT)) for place in range(FRAMES)]
    assert any(np.abs(d.astype(int) - sample.control[0]).mean() < 12 for d in drawings)
    noisy = source(toy_dataset, frames=1, sizes=[(WIDTH, HEIGHT)], look="official")
    assert not np.array_equal(drawn(noisy, 0).control, drawn(data, 0).control)


def test_drafts_are_made_for_a_model_that_sees_them(toy_dataset: Path) -> None:
    assert drawn(source(toy_dataset), 0).drafts is None
    data = source(toy_dataset, drafts=True, noise=False, sizes=[(WIDTH, HEIGHT)])
    off: list[float] = []
    for seed in range(6):
        sample = drawn(data, seed)
        assert sample.drafts is not None
        figure = np.abs(sample.frames.astype(int) - sample.reference).sum(axis=-1) > 60
        tried = (sample.drafts, np.broadcast_to(sample.reference, sample.frames.shape))
        errors = [np.abs(shown[figure].astype(int) - sample.frames[figure]).mean()
                  for shown in tried]  # fmt: skip
        off.append(errors[0] / errors[1])
    assert np.median(off) < 0.9


def test_edges_are_made_from_what_is_shown(toy_dataset: Path) -> None:
    sample = drawn(source(toy_dataset, control="canny", emphasis=False), 0)
    assert set(np.unique(sample.control)) == {0, 255}
    assert sample.weight is None


def test_shards_give_the_same_samples(toy_dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sharded"
    shutil.copytree(toy_dataset, folder)
    rows = pack(folder, read_index(folder))
    write_index(folder, rows)
    clear(folder, rows)
    one, other = drawn(source(toy_dataset), 5), drawn(source(folder), 5)
    assert np.array_equal(one.frames, other.frames)
    assert np.array_equal(one.control, other.control)


def test_what_fits_into_memory_is_read_once_and_gives_the_same(
    toy_dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(toy_dataset, folder)
    kept, read = source(folder), source(folder, memory=0)
    before = [drawn(kept, seed) for seed in range(3)]
    for seed, sample in enumerate(before):
        assert np.array_equal(sample.frames, drawn(read, seed).frames)
    assert not pickle.loads(pickle.dumps(kept)).reader._kept
    shutil.rmtree(folder / "clips")
    assert np.array_equal(drawn(kept, 2).frames, before[2].frames)
    with pytest.raises(SampleError):
        drawn(read, 2)


@pytest.mark.parametrize("part", ["clip", "poses"])
def test_a_broken_file_is_a_broken_sample(toy_dataset: Path, tmp_path: Path, part: str) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(toy_dataset, folder)
    data = source(folder)
    for row in read_index(folder):
        path = folder / getattr(row, part)
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SampleError, match="broken/film"):
        drawn(data, 0)


def test_photographs_are_samples_of_one_frame(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 60, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    (tmp_path / "photo.txt").write_text("noise")
    plan = Plan(people="any", limits={"short_side": 32.0})
    prepare([tmp_path], tmp_path / "d", plan)
    sample = drawn(source(tmp_path / "d", frames=1, control="canny", sizes=[(48, 64)]), 0)
    assert sample.frames.shape == (1, 64, 48, 3)
    assert np.array_equal(sample.reference, sample.frames[0])
    assert sample.caption == "noise"


def test_asking_for_too_much_is_told(toy_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="none of 20 clips has 99 frames"):
        source(toy_dataset, frames=99)
    with pytest.raises(DatasetError, match="is no prepared data set"):
        source(tmp_path)
    with pytest.raises(UsageError, match="unknown annotator"):
        source(toy_dataset, control="depht")
    with pytest.raises(UsageError, match="--look expects"):
        source(toy_dataset, look="odd")
