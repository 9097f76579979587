"""Cases of single parts: cross-normalised injection, and the control encoder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from golden.recipe import check_rebuilt, rebuild
from golden.report import Limit, Row
from temporal.controlnext import VARIANTS, ControlNeXt
from temporal.sites import SITES


def read(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The manifest and the tensors of a case."""
    data = folder / "data.safetensors"
    manifest = json.loads((folder / "manifest.json").read_text())
    return manifest, load_file(data) if data.exists() else {}


def variant_of(manifest: dict[str, Any], folder: Path) -> str:
    """The official variant that a case is about: what it says, or else its folder's name."""
    found = re.search(r"variant (\w+)", manifest["what"])
    return found.group(1) if found and found.group(1) in VARIANTS else folder.name


def check_cross_norm(folder: Path) -> Iterator[Row]:
    """What the next stage of the UNet receives, in every geometry."""
    manifest, data = read(folder)
    site, limit = SITES[variant_of(manifest, folder)], Limit.parse(manifest["tolerance"])
    for case in manifest["cases"]:
        feature, control, scale, result = (
            data[f"{case['index']}.{part}"] for part in ("feature", "control", "scale", "result")
        )
        yield limit.compare(
            f"{case['index']} {case['name']}", site.add(feature, control, scale), result
        )


def check_control_module(folder: Path) -> Iterator[Row]:
    """The control encoder's output, time embedding and scale."""
    manifest, data = read(folder)
    weights = manifest["weights"]["control_module"]
    encoder = rebuild(ControlNeXt.from_variant(variant_of(manifest, folder)), weights["seed"])
    yield check_rebuilt("weights", encoder, weights)
    limit = Limit.parse(manifest["tolerance"]["output"])
    for case in manifest["cases"]:
        index, control, timestep = case["index"], data[case["input"]], data[case["timestep"]]
        yield limit.compare(f"{index} output", encoder(control, timestep), data[case["output"]])
        if f"{index}.time_embedding" in data:
            time = encoder.embed_time(timestep, control)
            frames = control.shape[1] if control.ndim == 5 else 1
            expected = data[f"{index}.time_embedding"]
            yield limit.compare(f"{index} time embedding", time[::frames], expected)
        scale = torch.tensor(case["returned_scale"])
        yield Limit(value=1e-6).compare(f"{index} scale", encoder.scale, scale)
