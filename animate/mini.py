"""Where the embedded model lives: inside the package, so that an installed wheel has it too."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "weights" / "mini"
