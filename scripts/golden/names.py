"""Cases of names: state dicts of the control encoders and of the full-size UNets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel, UNetSpatioTemporalConditionModel

from golden.modules import read
from golden.report import Row, same, uncovered
from temporal.controlnext import ControlNeXt


def check_names(folder: Path) -> Iterator[Row]:
    """Names, shapes, dtypes and counts; whichever of them the folder gives."""
    manifest, _ = read(folder)
    summary, files = manifest.get("summary", {}), manifest.get("files", {})
    details = _file(folder, files, "control_modules")
    for variant, count in summary.get("control_module", {}).items():
        with torch.device("meta"):
            state = ControlNeXt.from_variant(variant).state_dict()
        total = sum(tensor.numel() for tensor in state.values())
        yield same(f"control_module {variant}: elements", total, count)
        if variant in details:
            expected = {
                key: (entry["shape"], entry["dtype"])
                for key, entry in details[variant]["keys"].items()
            }
            yield _same_keys(f"control_module {variant}: names", _described(state), expected)
    details = _file(folder, files, "unet_keys")
    for family, config in manifest.get("configs", {}).items():
        if family in summary.get("unet", {}):
            with torch.device("meta"):
                state = _unet_class(family)(**config).state_dict()
            total = sum(tensor.numel() for tensor in state.values())
            yield same(f"unet {family}: elements", total, summary["unet"][family])
            if family in details:
                shapes = {key: list(tensor.shape) for key, tensor in state.items()}
                yield _same_keys(f"unet {family}: names", shapes, details[family])
    if "trainable" in files or "trainable_unet" in summary:
        yield uncovered("trainable parameters")


def _file(folder: Path, files: dict[str, str], name: str) -> dict[str, Any]:
    if name not in files:
        return {}
    content: dict[str, Any] = json.loads((folder / files[name]).read_text())
    return content


def _unet_class(family: str) -> Any:
    return UNetSpatioTemporalConditionModel if family == "svd" else UNet2DConditionModel


def _described(state: dict[str, torch.Tensor]) -> dict[str, tuple[list[int], str]]:
    return {
        key: (list(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for key, tensor in state.items()
    }


def _same_keys(name: str, got: dict[str, Any], expected: dict[str, Any]) -> Row:
    wrong = [key for key in {**expected, **got} if got.get(key) != expected.get(key)]
    return Row(name=name, ok=not wrong, note=", ".join(wrong[:4]))
