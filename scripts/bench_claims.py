"""What ControlNeXt is said to save beside ControlNet, counted and timed here in one run.

The paper (arXiv 2408.06070) claims for SD1.5 and SDXL: 30 and 108 instead of 361 and 1,251 million
trainable parameters, and 10.4 % instead of 41.9 % of added time. Counted at the models' real sizes
without data: parameters, and floating-point operations of a call of the UNet, with guidance as
users run it. Timed: calls of SD1.5 at its full width with random weights, in turns, on pictures
that this machine can take. "added" is by how much a call with control exceeds one without.
Passed if each count is below the claim's and the measured time is.

    python scripts/bench_claims.py [--rounds 5] [--size 256] [--quick]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import torch  # noqa: E402
from diffusers import ControlNetModel, UNet2DConditionModel  # noqa: E402
from golden.latency import SD15, SD15_SIZE, SDXL, SDXL_SIZE, TOKENS, count  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from temporal.controlnext import ControlNeXt  # noqa: E402
from temporal.inject import inject  # noqa: E402
from temporal.trainable import select_trainable  # noqa: E402

HALVES = 2  # of guidance
DOWN = 8  # pixels to a side of one latent


@dataclass(frozen=True, kw_only=True)
class Family:
    """A model, its encoder's variant, what of it is trained, and the paper's numbers of it."""

    config: dict[str, Any]
    variant: str
    size: tuple[int, int]
    trained: str
    parameters: float  # millions, claimed
    controlnets: float


FAMILIES = {
    "sd15": Family(config=SD15, variant="sd15_training", size=SD15_SIZE, trained="to_out",
                   parameters=30, controlnets=361),
    "sdxl": Family(config=SDXL, variant="sdxl", size=SDXL_SIZE, trained="attn2.to_out",
                   parameters=108, controlnets=1251),
}  # fmt: skip
CLAIMED_TIME, CONTROLNETS_TIME = 0.104, 0.419


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=256, help="of the timed pictures")
    parser.add_argument("--quick", action="store_true", help="count only")
    asked = parser.parse_args()
    figures: dict[str, Any] = {}
    print(f"{'':<6} {'trainable, million':>28} {'operations added to a call':>32}")
    print(f"{'':<6} {'ControlNeXt':>14} {'ControlNet':>13} {'ControlNeXt':>18} {'ControlNet':>13}")
    for name, family in FAMILIES.items():
        row = _counted(family)
        figures[name] = row
        print(
            f"{name:<6} {row['trainable']:>14.1f} {row['controlnet_trainable']:>13.1f} "
            f"{row['added']:>18.1%} {row['controlnet_added']:>13.1%}"
        )
    passed = all(
        figures[name]["trainable"] <= family.parameters
        and figures[name]["added"] <= CLAIMED_TIME
        and figures[name]["controlnet_trainable"] > 10 * figures[name]["trainable"]
        for name, family in FAMILIES.items()
    )
    if not asked.quick:
        timed = _timed(asked.size, asked.rounds)
        figures["time"] = timed
        print(
            f"sd15 at {asked.size} px: a call takes {timed['seconds']:.2f} s, ControlNeXt adds "
            f"{timed['added']:.1%} (the paper: {CLAIMED_TIME:.1%}), ControlNet "
            f"{timed['controlnet_added']:.1%} ({CONTROLNETS_TIME:.1%})"
        )
        passed = passed and timed["added"] <= CLAIMED_TIME
    print(json.dumps({**figures, "pass": passed}))
    return 0 if passed else 1


def _counted(family: Family) -> dict[str, float]:
    with torch.device("meta"):
        unet, encoder, beside = _parts(family)
        inputs = _inputs(family, *family.size)
        picture = torch.empty(HALVES, 3, *family.size)
    named = dict(unet.named_parameters())
    tuned = [named[name] for name in select_trainable(named, family.trained)]
    plain, with_next, with_net = (
        count(call) for call in _calls(unet, inputs, picture, encoder, beside)
    )
    return {
        "trainable": _millions([*encoder.parameters(), *tuned]),
        "controlnet_trainable": _millions(list(beside.parameters())),
        "added": with_next / plain - 1,
        "controlnet_added": with_net / plain - 1,
    }


def _timed(size: int, rounds: int) -> dict[str, float]:
    torch.manual_seed(0)
    family = FAMILIES["sd15"]
    torch.set_default_dtype(torch.bfloat16)
    unet, encoder, beside = _parts(family)
    inputs = _inputs(family, size, size)
    torch.set_default_dtype(torch.float32)
    picture = torch.rand(HALVES, 3, size, size).bfloat16()
    calls = _calls(unet, inputs, picture, encoder, beside)
    times: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for call, taken in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            if number:  # the first of each warms up
                taken.append(time.perf_counter() - start)
    # Against the plain call of the same round: the machine's mood changes from round to round.
    added = [
        statistics.median(b / a - 1 for a, b in zip(times[0], taken, strict=True))
        for taken in times[1:]
    ]
    return {
        "size": size,
        "seconds": statistics.median(times[0]),
        "added": added[0],
        "controlnet_added": added[1],
    }


def _parts(family: Family) -> tuple[nn.Module, ControlNeXt, nn.Module]:
    unet = UNet2DConditionModel(**family.config).eval()
    encoder = ControlNeXt.from_variant(family.variant).eval()
    beside = ControlNetModel.from_unet(unet, load_weights_from_unet=False).eval()
    return unet, encoder, beside


def _inputs(family: Family, height: int, width: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "sample": torch.zeros(HALVES, 4, height // DOWN, width // DOWN),
        "timestep": torch.full((HALVES,), 500.0),
        "encoder_hidden_states": torch.zeros(HALVES, TOKENS, family.config["cross_attention_dim"]),
    }
    if "addition_embed_type" in family.config:
        told["added_cond_kwargs"] = {
            "text_embeds": torch.zeros(HALVES, 1280), "time_ids": torch.zeros(HALVES, 6)
        }  # fmt: skip
    return told


def _calls(
    unet: nn.Module, inputs: dict[str, Any], picture: Tensor, encoder: Any, beside: Any
) -> list[Callable[[], Any]]:
    """A call of the UNet alone, with ControlNeXt, and with ControlNet."""

    @torch.no_grad()
    def with_next() -> None:
        with inject(unet, encoder.injection) as injector:
            injector.set(encoder(picture[:1], inputs["timestep"][:1]))  # once for both halves
            unet(**inputs)

    @torch.no_grad()
    def with_net() -> None:
        skips, middle = beside(**inputs, controlnet_cond=picture, return_dict=False)
        unet(
            **inputs,
            down_block_additional_residuals=skips,
            mid_block_additional_residual=middle,
        )

    return [torch.no_grad()(lambda: unet(**inputs)), with_next, with_net]


def _millions(tensors: list[Tensor]) -> float:
    return sum(tensor.numel() for tensor in tensors) / 1e6


if __name__ == "__main__":
    sys.exit(main())
