"""The embedded animator's weights as a beginning for the embedded picture model.

Both know the same synthetic people and use the same latents. What says that of one frame is taken:
the spatial halves of the UNet, the encoder of skeletons (for the other maps too) and the
autoencoder. What speaks of the reference picture stays behind; what hears prompts is fresh, and
begins as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from animate.training.mini_image import VAE
from animate.training.objectives import model_time
from temporal.autoencoder import FoldedAutoencoder, SmallTemporalAutoencoder

RIDGE = 1e-3
NEW = (".attn2.", "add_embedding.", "time_embedding.")  # parts of a UNet that are not taken
TYPICAL_IDS = (29.0, 127.0, 0.1)  # of SVD: frames a second less one, motion, noise
HEARD = 0.1  # how loud prompts begin beside the time


@torch.no_grad()
def borrowed_autoencoder(temporal: SmallTemporalAutoencoder) -> FoldedAutoencoder:
    """An autoencoder for pictures that does what one for films does with single frames.

    Of the film's decoder the spatial halves are taken; what it has not (a second residual block
    in the middle, and attention before it) is made the identity, and can still learn.
    """
    vae: FoldedAutoencoder = FoldedAutoencoder(**VAE)
    vae.load_state_dict(_spatial(temporal), strict=False)
    middle = vae.decoder.mid_block
    for last in (middle.resnets[-1].conv2, middle.attentions[0].to_out[0]):
        last.weight.zero_()
        last.bias.zero_()
    return vae


@torch.no_grad()
def borrow(
    unet: Any, encoders: Mapping[str, Any], animator: Mapping[str, Any], table: Tensor
) -> list[str]:
    """Write the animator's UNet and encoder into a picture model's, in place; names what it took.

    One of other widths is left aside, and what it would have become stays fresh.
    animator: "unet" and "controlnext"; table: the picture model's alphas_cumprod by time.
    """
    taken, times = [], _times(table)
    if _take_unet(unet, animator["unet"], times):
        taken.append("unet")
    if all(_take_encoder(one, animator["controlnext"], times) for one in encoders.values()):
        taken.append("controlnext")
    return taken


def _take_unet(unet: Any, theirs: Any, times: Tensor) -> bool:
    found = {
        name: value
        for name, value in _spatial(theirs).items()
        if not any(part in name for part in NEW)
    }
    if not _load(unet, found, "conv_in.weight"):
        return False
    for name, module in unet.named_modules():
        if name.endswith("attn2"):
            nn.init.zeros_(module.to_out[0].weight)
            nn.init.zeros_(module.to_out[0].bias)
    nn.init.constant_(unet.add_embedding.norm2.weight, HEARD)
    told = theirs.add_embedding(theirs.add_time_proj(torch.tensor(TYPICAL_IDS)).reshape(1, -1))
    _tell_time(unet, theirs.time_embedding(theirs.time_proj(times)) + told)
    return True


def _take_encoder(encoder: Any, theirs: Any, times: Tensor) -> bool:
    found = {n: v for n, v in theirs.state_dict().items() if not n.startswith("time_embedding")}
    if not _load(encoder, found, "embedding.0.weight"):
        return False
    _tell_time(encoder, theirs.time_embedding(theirs.time_proj(times)))
    return True


def _spatial(model: nn.Module) -> dict[str, Tensor]:
    return {n.replace(".spatial_res_block", ""): v for n, v in model.state_dict().items()}


def _load(model: nn.Module, found: Mapping[str, Tensor], first: str) -> bool:
    """Load what the model has a place for, of its first layer the first inputs; False if shapes
    differ."""
    own = model.state_dict()
    taken = {name: value for name, value in found.items() if name in own}
    taken[first] = taken[first][:, : own[first].shape[1]]
    if any(value.shape != own[name].shape for name, value in taken.items()):
        return False
    model.load_state_dict(taken, strict=False)
    return True


def _times(table: Tensor) -> Tensor:
    """What the animator calls the times 0, 1, ... of alphas_cumprod; pure noise is its highest."""
    sigma = ((1 - table) / table.clamp(min=1e-3)).sqrt()
    return model_time(sigma)


def _tell_time(model: Any, wanted: Tensor) -> None:
    """Fit the last layer of a fresh time embedding to give (T, D) for the times 0 ... T - 1."""
    embedding = model.time_embedding
    waves = model.time_proj(torch.arange(len(wanted)))
    seen = embedding.act(embedding.linear_1(waves))
    seen = torch.cat([seen, torch.ones(len(seen), 1)], dim=1).double()
    inverse = seen.T @ seen + RIDGE * torch.eye(seen.shape[1], dtype=torch.float64)
    fit = torch.linalg.solve(inverse, seen.T @ wanted.double()).float()
    embedding.linear_2.weight.copy_(fit[:-1].T)
    embedding.linear_2.bias.copy_(fit[-1])
