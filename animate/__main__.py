"""`python -m animate` is the command `animate`."""

from __future__ import annotations

import sys

from animate.cli import main

sys.exit(main())
