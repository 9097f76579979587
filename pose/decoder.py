"""The decord library, imported so that it leaves other libraries alone."""

from __future__ import annotations

import sys
from typing import Any

CUDA_PACKAGE = "nvidia"  # namespace in which pip installs CUDA's libraries


def load_decord() -> Any:
    """The module `decord`, without the CUDA libraries that decord2 would load for all to see.

    Of the nvidia packages, which PyTorch's wheels bring along, decord2 3.4 loads every library
    globally as it is imported. One of them, libnvblas, then takes PyTorch's matrix products over,
    finds itself not set up, and ends the process. Decoding on the CPU needs none of them, so the
    package is hidden during the import.
    """
    if "decord" in sys.modules:
        return sys.modules["decord"]
    known = {name: sys.modules[name] for name in (CUDA_PACKAGE,) if name in sys.modules}
    sys.modules[CUDA_PACKAGE] = None  # type: ignore[assignment]  # now it cannot be found
    try:
        import decord
    finally:
        del sys.modules[CUDA_PACKAGE]
        sys.modules.update(known)
    return decord
