"""Random cameras: from small figures to busts with hands."""

from __future__ import annotations

import numpy as np

from .camera import Camera

# Name, share of the views, range of `fill`, range of the height at the picture's middle in metres.
FRAMINGS = (
    ("a small figure", 0.06, (0.45, 0.62), (0.85, 1.05)),
    ("full body", 0.46, (0.66, 0.88), (0.88, 1.02)),
    ("from the knees up", 0.18, (0.98, 1.25), (1.12, 1.28)),
    ("from the waist up", 0.22, (1.4, 1.95), (1.24, 1.40)),
    ("head and hands", 0.08, (1.95, 2.4), (1.36, 1.43)),
)


def random_view(
    rng: np.random.Generator, width: int, height: int, tall: float = 1.0, seated: bool = False
) -> tuple[Camera, str]:
    """A view of a figure `tall` times the standard height, and what it is called."""
    shares = np.array([share for _, share, _, _ in FRAMINGS])
    if seated:  # mostly seen from the waist up, and lower
        shares = shares * (0.3, 0.3, 1.5, 2, 1)
    name, _, fills, middles = FRAMINGS[int(rng.choice(len(shares), p=shares / shares.sum()))]
    fill = float(rng.uniform(*fills))
    y = float(rng.uniform(*middles)) * tall - (0.36 if seated else 0.0)
    x = float(rng.uniform(-0.10, 0.10)) / max(fill, 0.7)
    distance = float(np.exp(rng.uniform(np.log(2.6), np.log(7.0))))
    camera = Camera(width=width, height=height, fill=fill, centre=(x, y), distance=distance)
    return camera, name


def random_camera(rng: np.random.Generator, width: int, height: int) -> Camera:
    """A view of a standing figure."""
    return random_view(rng, width, height)[0]
