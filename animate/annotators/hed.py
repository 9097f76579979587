"""Soft edges by HED, the network of ControlNet's annotator."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from animate.annotators.ridges import across_of, suppress
from animate.annotators.settings import device_of
from animate.errors import ModelError

Frame = NDArray[np.uint8]  # (H, W, 3) RGB

SHORT_SIDE = 512  # pixels, as the annotator looks at pictures
LEAST_SIDE = 16  # pixels; four times halved, something must be left
# Of each block (Xie and Tu, "Holistically-nested edge detection", ICCV 2015, after VGG-16):
# channels and convolutions. Names and the learned mean as in ControlNetHED.pth.
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


class Block(nn.Module):
    """Convolutions at one size, and what they say of edges: (B, c, H, W), (B, 1, H, W)."""

    def __init__(self, before: int, channels: int, count: int) -> None:
        super().__init__()
        widths = [before, *[channels] * count]
        pairs = itertools.pairwise(widths)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)
        self.projection = nn.Conv2d(channels, 1, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        for convolution in self.convs:
            features = nn.functional.relu(convolution(features))
        return features, self.projection(features)


class HED(nn.Module):
    """(B, 3, H, W) in [0, 255] -> how surely an edge goes through each pixel, (B, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.Parameter(torch.zeros(1, 3, 1, 1))
        before = 3
        for number, (channels, count) in enumerate(BLOCKS, start=1):
            self.add_module(f"block{number}", Block(before, channels, count))
            before = channels

    def forward(self, pictures: Tensor) -> Tensor:
        features, sides = pictures - self.norm, []
        for number in range(1, len(BLOCKS) + 1):
            if number > 1:
                features = nn.functional.max_pool2d(features, 2)
            features, side = getattr(self, f"block{number}")(features)
            sides.append(nn.functional.interpolate(side, pictures.shape[-2:], mode="bilinear"))
        return torch.sigmoid(torch.stack(sides).mean(dim=0))


def open_hed(path: Path, device: str, *, thin: bool = False) -> Callable[[Frame], Frame]:
    """Load ControlNetHED.pth; thin: only ridges, one pixel wide. Raises ModelError."""
    network = HED()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, pickle.UnpicklingError, AttributeError, TypeError) as error:
        raise ModelError(
            f"{path} is not ControlNet's HED; download ControlNetHED.pth from "
            "huggingface.co/lllyasviel/Annotators again"
        ) from error
    place = device_of(device)
    network.eval().to(place)

    def detect(picture: Frame) -> Frame:
        height, width = picture.shape[:2]
        scale = min(SHORT_SIDE / min(height, width), 1.0)
        size = [max(round(side * scale), LEAST_SIDE) for side in (width, height)]
        seen = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        with torch.inference_mode():
            edges = network(torch.from_numpy(seen).permute(2, 0, 1)[None].to(place))[0, 0]
        strength = np.asarray(cv2.resize(edges.cpu().numpy(), (width, height)), np.float32)
        if thin:
            strength = suppress(strength, across_of(strength))
        grey = np.rint(255 * strength).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)

    return detect
