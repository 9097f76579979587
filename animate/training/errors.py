"""What can stop a training run."""

from __future__ import annotations

from animate.errors import AnimateError


class TrainingError(AnimateError):
    """A run cannot go on: its loss or its data are broken, or its state belongs to another run."""
