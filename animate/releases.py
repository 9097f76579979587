"""The diffusion models that can be fetched from the Hugging Face Hub: a table."""

from __future__ import annotations

from dataclasses import dataclass

HUB = "https://huggingface.co"
SVD = "stabilityai/stable-video-diffusion-img2vid-xt-1-1"
CONTROL = "Pbihao/ControlNeXt"  # the ControlNeXt authors' own
CONTROL_FOLDER = "ControlNeXt-SVD/v2"
FAST = "wangfuyun/AnimateLCM-SVD-xt"

# Parameters by the golden fixtures (UNet, encoder) and the classes at SVD's configuration.
UNET, ENCODER = 1_524_623_082, 3_526_400
VAE, IMAGE_ENCODER = 97_739_403, 632_076_800
HALF, SINGLE = 2, 4  # bytes a parameter

SVD_LICENCE = "Stable Video Diffusion Community"


@dataclass(frozen=True, kw_only=True)
class Release:
    """Files of one repository that belong together.

    patterns: what is fetched, never pickles. required: what there must be for it to be complete,
    names or patterns; entries of a tuple stand for each other. main: the entry among them, or
    "." for the folder, whose path is told. size: bytes, from the counts of parameters. gated: the
    licence must be accepted on the page, by a user who is logged in.
    """

    name: str
    repository: str
    patterns: tuple[str, ...]
    required: tuple[tuple[str, ...], ...]
    main: str
    purpose: str
    licence: str
    size: int
    gated: bool = False

    @property
    def page(self) -> str:
        """Where the repository's licence is read and accepted."""
        return f"{HUB}/{self.repository}"

    @property
    def urls(self) -> tuple[str, ...]:
        """Where it comes from."""
        return (self.page,)

    @property
    def steps(self) -> str | None:
        """What a user has to do before it can be fetched."""
        if not self.gated:
            return None
        return f"first accept the licence at {self.page}, then run `hf auth login`"


def _half_of(part: str, stem: str) -> tuple[str, ...]:
    return (f"{part}/{stem}.fp16.safetensors", f"{part}/{stem}.safetensors")


DEPTH, SEGMENTATION = 24_785_089, 81_905_000  # by the models' pages, rounded

WEIGHTS = "diffusion_pytorch_model"  # diffusers' name
TRANSFORMERS_MODEL = (("config.json",), ("preprocessor_config.json",), ("model.safetensors",))

MODELS: tuple[Release, ...] = (
    Release(
        name="svd-base",
        repository=SVD,
        # The UNet comes with ControlNeXt, complete.
        patterns=(
            "model_index.json",
            "*/*.json",
            "vae/*.fp16.safetensors",
            "image_encoder/*.fp16.safetensors",
        ),
        required=(
            ("model_index.json",),
            ("unet/config.json",),
            ("scheduler/scheduler_config.json",),
            ("feature_extractor/preprocessor_config.json",),
            _half_of("vae", WEIGHTS),
            _half_of("image_encoder", "model"),
        ),
        main=".",
        purpose="Stable Video Diffusion 1.1 without its UNet, half precision",
        licence=SVD_LICENCE,
        size=(VAE + IMAGE_ENCODER) * HALF,
        gated=True,
    ),
    Release(
        name="svd-control",
        repository=CONTROL,
        patterns=(f"{CONTROL_FOLDER}/*.safetensors",),
        required=(
            (f"{CONTROL_FOLDER}/controlnet.safetensors",),
            (f"{CONTROL_FOLDER}/unet.safetensors", f"{CONTROL_FOLDER}/unet_fp16.safetensors"),
        ),
        main=CONTROL_FOLDER,
        purpose="ControlNeXt-SVD v2: the control encoder and a UNet trained for dancing people",
        licence=f"{SVD_LICENCE} (UNet), Apache-2.0",
        size=(UNET + ENCODER) * SINGLE,
    ),
    Release(
        name="svd-unet",
        repository=SVD,
        patterns=("unet/config.json", "unet/*.fp16.safetensors"),
        required=(("unet/config.json",), _half_of("unet", WEIGHTS)),
        main="unet",
        purpose="Stable Video Diffusion's own UNet: for --unet files that hold only part of one",
        licence=SVD_LICENCE,
        size=UNET * HALF,
        gated=True,
    ),
    Release(
        name="animatelcm-svd",
        repository=FAST,
        patterns=("AnimateLCM-SVD-xt-1.1.safetensors",),
        required=(("AnimateLCM-SVD-xt-1.1.safetensors",),),
        main="AnimateLCM-SVD-xt-1.1.safetensors",
        purpose="a UNet for 4 to 8 steps, to be given as --unet",
        licence="see its page",
        size=UNET * HALF,
    ),
    Release(
        name="depth",
        repository="depth-anything/Depth-Anything-V2-Small-hf",
        patterns=("*.json", "*.safetensors"),
        required=TRANSFORMERS_MODEL,
        main=".",
        purpose="Depth Anything V2 small: depth maps for stills",
        licence="Apache-2.0",
        size=DEPTH * SINGLE,
    ),
    Release(
        name="segmentation",
        repository="openmmlab/upernet-convnext-small",
        patterns=("*.json", "*.safetensors"),
        required=TRANSFORMERS_MODEL,
        main=".",
        purpose="UPerNet with ConvNeXt small: ADE20K segmentation maps for stills",
        licence="MIT",
        size=SEGMENTATION * SINGLE,
    ),
)
SETS: dict[str, tuple[str, ...]] = {"svd": ("svd-base", "svd-control")}
