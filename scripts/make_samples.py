"""Render samples/dance.mp4 (with its sound track) and samples/hero.png, draw samples/pose.png.

Run from the root of the repository: python scripts/make_samples.py [--out samples]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from animate.training.synthetic import Camera, render, render_clip
from animate.training.synthetic.cast import DANCER, HERO
from animate.training.synthetic.dance import BEAT, BEATS, HERO_STANCE, dance
from animate.training.synthetic.linalg import Array
from pose.draw import draw

WIDTH, HEIGHT, FPS = 576, 864, 24
SECONDS = BEATS * BEAT
CAMERA = Camera(width=WIDTH, height=HEIGHT, fill=0.80, centre=(0.0, 0.98))
POSE_AT, POSE_CAMERA = 1.0, replace(CAMERA, width=256, height=384)  # seconds of the dance
CHUNK = 8  # frames held at a time
CRF = 20
RATE = 44_100  # samples a second
CHORDS = ((57, 60, 64, 67), (53, 57, 60, 64), (48, 55, 60, 64), (55, 59, 62, 67))  # MIDI notes


def tone(note: float, count: int, partials: tuple[float, ...]) -> Array:
    """A note of `count` samples from its partials' strengths, (count,)."""
    t = np.arange(count) / RATE
    pitch = 440.0 * 2 ** ((note - 69) / 12)
    return np.asarray(
        sum(a * np.sin(2 * np.pi * pitch * (i + 1) * t) for i, a in enumerate(partials))
    )


def kick(count: int) -> Array:
    """A falling sine that dies away, (count,)."""
    t = np.arange(count) / RATE
    return np.asarray(np.sin(2 * np.pi * (46 * t + 4.2 * (1 - np.exp(-t * 34)))) * np.exp(-t * 11))


def noise(rng: np.random.Generator, count: int, decay: float) -> Array:
    """A burst of bright noise, (count,)."""
    white = rng.standard_normal(count + 1)
    return np.asarray(np.diff(white) * np.exp(-np.arange(count) / RATE * decay))


def soundtrack(seed: int = 7) -> Array:
    """Kick, clap, hats, bass and chords for the length of the dance, (samples, 2) in [-1, 1]."""
    rng = np.random.default_rng(seed)
    total, beat = round(SECONDS * RATE), round(BEAT * RATE)
    mix = np.zeros((total, 2))

    def add(sound: Array, at: int, gain: float, pan: float = 0.0) -> None:
        part = sound[: total - at, None] * np.array([1 - pan, 1 + pan]) * gain
        mix[at : at + len(part)] += part

    for i in range(BEATS):
        chord = CHORDS[i // 2 % len(CHORDS)]
        add(kick(beat), i * beat, 0.55)
        if i % 2:
            add(noise(rng, beat // 2, 26), i * beat, 0.09, 0.1)
        for k, gain in ((0, 0.025), (1, 0.05), (2, 0.03), (3, 0.02)):
            add(noise(rng, beat // 4, 70), i * beat + k * beat // 4, gain, 0.35 * (-1) ** k)
        for k, octave in ((0, 0), (2, 0), (3, 12)):
            fade = np.exp(-np.arange(beat // 3) / RATE * 9)
            note = tone(chord[0] - 24 + octave, beat // 3, (1, 0.5, 0.25, 0.1)) * fade
            add(note, i * beat + k * beat // 4, 0.22)
        for n, pitch in enumerate(chord):
            fade = np.exp(-np.arange(beat) / RATE * 5)
            pluck = tone(pitch + 12, beat, (1, 0.35, 0.12)) * fade
            add(pluck, i * beat + (beat // 2 if i % 2 else 0), 0.05, 0.5 * (n - 1.5) / 1.5)
    edge = np.minimum(1, np.minimum(np.arange(total), np.arange(total)[::-1]) / (0.01 * RATE))
    return np.asarray(np.tanh(1.1 * mix) * edge[:, None] * 0.9)


def save_wav(path: Path, sound: Array) -> None:
    """Write (samples, 2) in [-1, 1] as 16-bit stereo."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def frames() -> Iterator[Array]:
    """The pictures of the dance, (H, W, 3) uint8."""
    count = round(SECONDS * FPS)
    for start in range(0, count, CHUNK):
        times = np.arange(start, min(start + CHUNK, count)) / FPS
        yield from render_clip(DANCER, dance, times, CAMERA, supersample=2).frames
        print(f"dance: {min(start + CHUNK, count)}/{count} frames", flush=True)


def make_dance(path: Path) -> None:
    """Encode pictures and sound: H.264 yuv420p and stereo AAC, the same bytes every time."""
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        save_wav(sound, soundtrack())
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt",
            "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-", "-i", str(sound),
            "-c:v", "libx264", "-preset", "slow", "-crf", str(CRF), "-pix_fmt", "yuv420p",
            "-threads", "1", "-c:a", "aac", "-b:a", "128k", "-shortest", "-map_metadata", "-1",
            "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact",
            "-movflags", "+faststart", str(path),
        ]  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
            assert encoder.stdin is not None
            for frame in frames():
                encoder.stdin.write(np.ascontiguousarray(frame).tobytes())
    if encoder.returncode:
        raise SystemExit(f"ffmpeg failed on {path} with code {encoder.returncode}")


def make_hero(path: Path) -> None:
    """Write the picture of the hero."""
    picture = render([HERO_STANCE], HERO, CAMERA, supersample=3).frames[0]
    if not cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise SystemExit(f"cannot write {path}: check that the folder exists and is writable")


def make_pose(path: Path) -> None:
    """Draw the dancer's skeleton at one moment, a control map for pictures."""
    made = render(dance(np.array([POSE_AT])), DANCER, POSE_CAMERA)
    size = (POSE_CAMERA.width, POSE_CAMERA.height)
    drawn = draw(made.keypoints[:1], made.scores[:1], size, look="soft")
    if not cv2.imwrite(str(path), drawn[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise SystemExit(f"cannot write {path}: check that the folder exists and is writable")


def main() -> None:
    """Make the samples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("samples"))
    parser.add_argument("--only", choices=("dance", "hero", "pose"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    if arguments.only in (None, "hero"):
        make_hero(arguments.out / "hero.png")
    if arguments.only in (None, "pose"):
        make_pose(arguments.out / "pose.png")
    if arguments.only in (None, "dance"):
        make_dance(arguments.out / "dance.mp4")


if __name__ == "__main__":
    main()
