"""What a video model under training makes of some samples, and what the judge says of a clip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from PIL import Image

from animate.config import DEFAULTS, Settings
from animate.denoise import denoise
from animate.driving import open_driving
from animate.errors import AnimateError
from animate.framing import choose_size
from animate.journal import Journal
from animate.load import Model
from animate.motion import find, place
from animate.pipelines.video import ControlNeXtVideoPipeline
from animate.progress import ignore
from animate.result import Result
from animate.training.data import Sample, Source, to_share
from animate.training.settings import PreviewSettings
from animate.video import VideoWriter
from pose.errors import PoseError
from pose.video import load_image
from temporal.errors import TemporalError

SEED = 1_000_003  # of the samples, far from a run's own
RATE = 8.0  # frames a second of the clips written
Frames = NDArray[np.uint8]


class VideoPreview:
    """Animates the same samples at every look and lays the result beside reference and truth."""

    def __init__(
        self, pipeline: ControlNeXtVideoPipeline, source: Source, settings: PreviewSettings
    ) -> None:
        self.pipeline, self.settings = pipeline, settings
        rng = np.random.default_rng(SEED)
        self.samples = [source.sample(source.bucket(rng), rng) for _ in range(settings.samples)]

    def __call__(self, folder: Path) -> Mapping[str, float]:
        """Write clips (pictures of single frames) and return figures."""
        figures = []
        for number, sample in enumerate(self.samples):
            result = self._animate(sample)
            write_comparison(folder / f"sample_{number}", sample, result)
            if sample.frames is not None:
                figures.append(psnr(result, sample.frames, sample.weight))
        told = {"psnr": float(np.mean(figures))} if figures else {}
        if self.settings.driving and self.settings.ref:
            told.update(self._judged(folder))
        return told

    def _animate(self, sample: Sample) -> Frames:
        own, drafts = (
            None if pictures is None else to_share(torch.from_numpy(pictures))
            for pictures in (sample.reference_control, sample.drafts)
        )
        output = self.pipeline(
            Image.fromarray(sample.reference),
            to_share(torch.from_numpy(sample.control)),
            reference_control=own,
            drafts=drafts,
            num_inference_steps=self.settings.steps,
            min_guidance_scale=1.0,
            max_guidance_scale=1.0,
            generator=torch.Generator().manual_seed(SEED),
            output_type="pt",
            progress=lambda done, total: None,
        )
        return to_bytes(output.frames[0])

    def _judged(self, folder: Path) -> Mapping[str, float]:
        """The judge's figures of the clip in the settings, animated as a user would."""
        driving, ref = Path(str(self.settings.driving)), Path(str(self.settings.ref))
        try:
            result = animate_with(self.pipeline, driving, ref, steps=self.settings.steps)
            return judge(result.save(folder / "clip.mp4", audio=False), driving, ref)
        except (AnimateError, PoseError, TemporalError) as error:  # no reason to end a run
            (folder / "clip.txt").write_text(f"{error}\n")
            return {}


def animate_with(
    pipeline: ControlNeXtVideoPipeline, driving: Path, ref: Path, *, steps: int
) -> Result:
    """What `animate` does, with a model that is in memory already."""
    source = open_driving(driving, asked := Settings(steps=steps, guidance=1.0))
    picture, journal = load_image(ref), Journal()
    found = find(source, picture, asked, progress=ignore, journal=journal)
    look = str(pipeline.controlnext.config["control_look"])
    device, defaults = str(pipeline.device.type), DEFAULTS[look]
    model = Model(
        pipeline=pipeline,
        name="preview",
        why="under training",
        device=device,
        dtype="float32",
        look=look,
        defaults=defaults,
    )
    own = (picture.shape[1], picture.shape[0])
    size = choose_size(own, defaults, pipeline.size_multiple, None)
    decided = asked.resolve(defaults, size=size, device=device, dtype="float32")
    drafted = pipeline.controlnext.sees_draft
    motion = place(source, found, picture, decided, look, drafted=drafted)
    latents = denoise(
        model, picture, motion, decided, fps=source.fps, progress=ignore, journal=journal
    )
    return Result(
        settings=decided,
        motion=motion,
        driving=source,
        latents=latents,
        pipeline=pipeline,
        journal=journal,
    )


def judge(clip: Path, driving: Path, ref: Path) -> Mapping[str, float]:
    """The judge's numbers by name."""
    import animate

    figures = animate.evaluate(clip, driving, ref).to_dict()
    return {name: float(value) for name, value in _flat(figures) if np.isfinite(value)}


def _flat(values: Mapping[str, object], where: str = "") -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{where}{name}/")
        elif isinstance(value, (int, float)):
            yield where + name, float(value)


def to_bytes(pictures: torch.Tensor) -> Frames:
    """Pictures (F, 3, H, W) in [0, 1] as (F, H, W, 3) uint8."""
    shown = rearrange(pictures.float().cpu().clamp(0, 1) * 255, "f c h w -> f h w c")
    return np.asarray(shown.round().numpy(), np.uint8)


def psnr(result: Frames, truth: Frames, weight: NDArray[np.float32] | None) -> float:
    """PSNR in dB, over the figure if weights tell where it is."""
    error = (result.astype(float) - truth) ** 2
    if weight is not None and (weight > weight.min()).any():
        error = error[weight > weight.min()]
    return float(10 * np.log10(255**2 / max(float(error.mean()), 1e-9)))


def write_comparison(path: Path, sample: Sample, result: Frames) -> None:
    """Reference, control, result and truth side by side: a clip, of one frame a picture."""
    columns = [np.broadcast_to(sample.reference, result.shape), sample.control, result]
    columns += [sample.frames] if sample.frames is not None else []
    pictures = np.concatenate(columns, axis=2)
    if len(pictures) == 1:
        Image.fromarray(pictures[0]).save(path.with_suffix(".png"))
        return
    size = (pictures.shape[2], pictures.shape[1])
    with VideoWriter(path.with_suffix(".mp4"), size, RATE) as writer:
        for picture in pictures:
            writer.write(np.ascontiguousarray(picture))
