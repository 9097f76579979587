from __future__ import annotations

import numpy as np
import pytest

from animate.training.synthetic import (
    REST,
    Camera,
    Character,
    Pose,
    Rendering,
    random_character,
    random_motion,
    render,
    render_clip,
    select,
    still,
)
from animate.training.synthetic.cast import DANCER, HERO
from animate.training.synthetic.primitives import BACKGROUND, BODY, HAND, HEAD

SMALL = Camera(width=64, height=96)


def _seeded(seed: int) -> Rendering:
    rng = np.random.default_rng(seed)
    character, motion = random_character(rng), random_motion(rng)
    return render_clip(character, motion, [0.0, 0.5], SMALL)


def test_a_seed_gives_the_same_pictures() -> None:
    np.testing.assert_array_equal(_seeded(3).frames, _seeded(3).frames)


def test_another_seed_gives_other_pictures() -> None:
    assert np.abs(_seeded(3).frames.astype(int) - _seeded(4).frames).mean() > 5


def test_a_batch_equals_its_single_pictures(people: tuple[Pose, list[Character]]) -> None:
    poses, characters = people
    together = render(poses, characters, SMALL)
    for i, character in enumerate(characters):
        alone = render([select(poses, i)], character, SMALL)
        np.testing.assert_allclose(alone.keypoints[0], together.keypoints[i])
        different = (alone.frames[0] != together.frames[i]).any(-1)
        assert different.mean() < 0.002  # rounding may move a ray across an edge


def test_long_sequences_are_rendered_in_pieces() -> None:
    times = np.arange(19) * 0.1
    result = render_clip(DANCER, still(REST), times, Camera(width=32, height=48))
    assert len(result.frames) == 19
    np.testing.assert_array_equal(result.frames[0], result.frames[18])


@pytest.mark.parametrize(("width", "height"), [(128, 192), (192, 128), (96, 96), (33, 51)])
def test_any_size_and_shape(width: int, height: int) -> None:
    result = render([REST], HERO, Camera(width=width, height=height))
    assert result.frames.shape == (1, height, width, 3)
    assert result.frames.dtype == np.uint8
    assert 0.03 < result.masks.mean() < 0.5


def test_masks_and_parts_agree(dance_pictures: Rendering) -> None:
    np.testing.assert_array_equal(dance_pictures.masks, dance_pictures.parts != BACKGROUND)
    for part in (BODY, HAND, HEAD):
        assert (dance_pictures.parts == part).any(axis=(1, 2)).all()


def test_the_mask_is_where_the_figure_differs_from_the_background(
    dance_pictures: Rendering,
) -> None:
    first, second = dance_pictures.frames[0].astype(int), dance_pictures.frames[3].astype(int)
    free = ~(dance_pictures.masks[0] | dance_pictures.masks[3])
    free[110:] = False  # the floor has shadows that move
    free[:, 1:] &= free[:, :-1]
    free[:, :-1] &= free[:, 1:]
    free[1:] &= free[:-1]
    free[:-1] &= free[1:]
    assert np.abs(first - second)[free].max() <= 1


def test_supersampling_keeps_the_picture(camera: Camera) -> None:
    coarse, fine = render([REST], DANCER, camera), render([REST], DANCER, camera, supersample=2)
    assert coarse.frames.shape == fine.frames.shape
    assert np.abs(coarse.frames.astype(int) - fine.frames).mean() < 4
    assert (coarse.masks == fine.masks).mean() > 0.99
    np.testing.assert_allclose(coarse.keypoints, fine.keypoints)


def test_a_figure_out_of_view_leaves_the_background() -> None:
    result = render([REST], DANCER, Camera(width=48, height=48, centre=(9.0, 9.0)))
    assert not result.masks.any()
    assert np.isfinite(result.keypoints).all()


def test_as_many_characters_as_poses_are_needed() -> None:
    with pytest.raises(ValueError, match="2 poses but 1 characters"):
        render([REST, REST], [DANCER], SMALL)
