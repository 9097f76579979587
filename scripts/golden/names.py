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
from temporal.trainable import select_trainable

# Case of the fixtures -> rule of ours; and the encoder trained with a family of UNets.
TRAINABLE = {
    "sd15": "to_out",
    "sdxl": "attn2.to_out",
    "svd_selective": "to_out+to_v",
    "svd_active": "all",
}
ENCODERS = {"sd15": "sd15_training", "sdxl": "sdxl", "svd": "svd_v2_training"}


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
    parameters: dict[str, dict[str, int]] = {}
    for family, config in manifest.get("configs", {}).items():
        if family in summary.get("unet", {}):
            with torch.device("meta"):
                unet = _unet_class(family)(**config)
            parameters[family] = {name: p.numel() for name, p in unet.named_parameters()}
            state = unet.state_dict()
            total = sum(tensor.numel() for tensor in state.values())
            yield same(f"unet {family}: elements", total, summary["unet"][family])
            if family in details:
                shapes = {key: list(tensor.shape) for key, tensor in state.items()}
                yield _same_keys(f"unet {family}: names", shapes, details[family])
    yield from _check_trainable(summary, parameters, _file(folder, files, "trainable"))


def _check_trainable(
    summary: dict[str, Any], parameters: dict[str, dict[str, int]], details: dict[str, Any]
) -> Iterator[Row]:
    """Names and counts of what the training scripts train, by our rules."""
    for case, count in summary.get("trainable_unet", {}).items():
        family = case.split("_")[0]
        if case not in TRAINABLE or family not in parameters:
            yield uncovered(f"trainable {case}")
            continue
        sizes = parameters[family]
        names = select_trainable(sizes, TRAINABLE[case])
        total = sum(sizes[name] for name in names)
        yield same(f"trainable {case}: elements", total, count)
        if case in summary.get("trainable_unet_tensors", {}):
            tensors = summary["trainable_unet_tensors"][case]
            yield same(f"trainable {case}: tensors", len(names), tensors)
        if case in summary.get("controlnext_total_trainable", {}):
            encoder = summary["control_module"][ENCODERS[family]]
            expected = summary["controlnext_total_trainable"][case]
            yield same(f"trainable {case}: with encoder", total + encoder, expected)
        listed = details.get(case, {}).get("names")
        if isinstance(listed, list):
            yield _same_keys(
                f"trainable {case}: names", dict.fromkeys(names, 1), dict.fromkeys(listed, 1)
            )


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
