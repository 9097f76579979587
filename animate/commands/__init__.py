"""What the command `animate` can do: a module per subcommand, `video` for the plain form."""

from __future__ import annotations
