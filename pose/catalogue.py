"""The model files that pose estimators can use: a table."""

from __future__ import annotations

from dataclasses import dataclass

HUB = "https://huggingface.co"
DWPOSE = "yzd-v/DWPose"  # the authors' own repository on the Hub
# OpenMMLab's files as rtmlib 0.0.16 lists them: the copy of rtmlib's author on the Hub, which
# states checksums, before the original place, which states none.
OPENMMLAB = (
    f"{HUB}/Tau-J/RTMPose/resolve/main/",
    "https://download.openmmlab.com/mmpose/v1/projects/",
)
MEDIAPIPE = "https://storage.googleapis.com/mediapipe-models/"
APACHE = "Apache-2.0"


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One file, and what is known of it.

    urls: the best first. member: the file's name inside the archive that is served. size and
    sha256: of what is served, None where no publisher states them; then the server's own checksum
    is used, if it sends one. repository: on the Hugging Face Hub, whose cache is searched for it.
    """

    name: str
    file: str  # its name in a folder of models; for archives the one that rtmlib's cache uses
    role: str  # detector, pose or bundle
    purpose: str
    urls: tuple[str, ...]
    licence: str = APACHE
    size: int | None = None
    sha256: str | None = None
    member: str | None = None
    repository: str | None = None


def _openmmlab(path: str) -> tuple[str, ...]:
    return tuple(place + path for place in OPENMMLAB)


# Of each role the best first. Sizes and checksums: the pointers to large files in the
# repositories yzd-v/DWPose and Tau-J/RTMPose.
MODELS: tuple[ModelFile, ...] = (
    ModelFile(
        name="yolox-l",
        file="yolox_l.onnx",
        role="detector",
        purpose="finds persons (YOLOX-l, 640x640); the official ControlNeXt code uses it",
        urls=(f"{HUB}/{DWPOSE}/resolve/main/yolox_l.onnx",),
        size=216_746_733,
        sha256="7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411",
        repository=DWPOSE,
    ),
    ModelFile(
        name="dwpose-l",
        file="dw-ll_ucoco_384.onnx",
        role="pose",
        purpose="a person's keypoints (DWPose-l, 288x384); the official ControlNeXt code uses it",
        urls=(f"{HUB}/{DWPOSE}/resolve/main/dw-ll_ucoco_384.onnx",),
        size=134_399_116,
        sha256="724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843",
        repository=DWPOSE,
    ),
    ModelFile(
        name="yolox-m",
        file="yolox_m_8xb8-300e_humanart-c2c7a14a.onnx",
        role="detector",
        purpose="finds persons, painted ones too (YOLOX-m, 640x640)",
        urls=_openmmlab("rtmposev1/onnx_sdk/yolox_m_8xb8-300e_humanart-c2c7a14a.zip"),
        size=94_223_081,
        sha256="a000224fd8ba283202bc62d4a5fcdfe353adb9f468777dbac1ea2ada2093adde",
        member="end2end.onnx",
    ),
    ModelFile(
        name="yolox-tiny",
        file="yolox_tiny_8xb8-300e_humanart-6f3252f9.onnx",
        role="detector",
        purpose="finds persons, for a CPU (YOLOX-tiny, 416x416)",
        urls=_openmmlab("rtmposev1/onnx_sdk/yolox_tiny_8xb8-300e_humanart-6f3252f9.zip"),
        member="end2end.onnx",
    ),
    ModelFile(
        name="dwpose-m",
        file="rtmpose-m_simcc-ucoco_dw-ucoco_270e-256x192-c8b76419_20230728.onnx",
        role="pose",
        purpose="a person's keypoints, for a CPU (DWPose-m, 192x256)",
        urls=_openmmlab(
            "rtmposev1/onnx_sdk/rtmpose-m_simcc-ucoco_dw-ucoco_270e-256x192-c8b76419_20230728.zip"
        ),
        member="end2end.onnx",
    ),
    ModelFile(
        name="rtmw-l-384",
        file="rtmw-dw-x-l_simcc-cocktail14_270e-384x288_20231122.onnx",
        role="pose",
        purpose="a person's keypoints (RTMW-l, 288x384); its scores run past 1",
        urls=_openmmlab("rtmw/onnx_sdk/rtmw-dw-x-l_simcc-cocktail14_270e-384x288_20231122.zip"),
        size=213_433_855,
        sha256="a87e1af41a0a067776dba7d46e1c21c8f6e9f18e247e0e606718dd1f31e96ffd",
        member="end2end.onnx",
    ),
    ModelFile(
        name="rtmw-l",
        file="rtmw-dw-x-l_simcc-cocktail14_270e-256x192_20231122.onnx",
        role="pose",
        purpose="a person's keypoints (RTMW-l, 192x256); its scores run past 1",
        urls=_openmmlab("rtmw/onnx_sdk/rtmw-dw-x-l_simcc-cocktail14_270e-256x192_20231122.zip"),
        member="end2end.onnx",
    ),
    ModelFile(
        name="rtmw-m",
        file="rtmw-dw-l-m_simcc-cocktail14_270e-256x192_20231122.onnx",
        role="pose",
        purpose="a person's keypoints, for a CPU (RTMW-m, 192x256); its scores run past 1",
        urls=_openmmlab("rtmw/onnx_sdk/rtmw-dw-l-m_simcc-cocktail14_270e-256x192_20231122.zip"),
        member="end2end.onnx",
    ),
    ModelFile(
        name="mediapipe-holistic",
        file="holistic_landmarker.task",
        role="bundle",
        purpose="MediaPipe under Python 3.13 and later",
        urls=(
            f"{MEDIAPIPE}holistic_landmarker/holistic_landmarker/float16/latest/"
            "holistic_landmarker.task",
        ),
    ),
)

# Names that stand for several files: what an estimator needs together.
SETS: dict[str, tuple[str, ...]] = {
    "dwpose": ("yolox-l", "dwpose-l"),
    "dwpose-fast": ("yolox-tiny", "dwpose-m"),
    "rtmw": ("yolox-m", "rtmw-l-384"),
}
