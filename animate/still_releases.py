"""The still models and their control parts on the Hugging Face Hub: a table."""

from __future__ import annotations

from animate.releases import CONTROL, HALF, SINGLE, WEIGHTS, Release

# Counts by the classes at their configurations (UNets: golden fixtures), biases included.
SD15_UNET, SDXL_UNET, SD3_TRANSFORMER = 859_520_964, 2_567_463_684, 2_084_951_104
SD_VAE, CLIP_L, CLIP_G = 83_653_863, 123_060_480, 694_659_840
ENCODER, LEGACY = 3_526_400, 5_352_327
TUNED_SDXL, CONTROLNET_SD15 = 102_483_200, 361_279_120

ENCODER_FILES = (("controlnet.safetensors",), ("unet.safetensors",))
SETTINGS = ("model_index.json", "*/*.json", "*/*.txt", "*/*.model")


def _base(
    name: str, repository: str, parts: dict[str, str], size: int, licence: str, *, gated: bool
) -> Release:
    """A base in half precision; parts: folder -> stem of its weights."""
    halves = {folder: f"{folder}/{stem}.fp16.safetensors" for folder, stem in parts.items()}
    whole = {folder: f"{folder}/{stem}.safetensors" for folder, stem in parts.items()}
    return Release(
        name=name,
        repository=repository,
        patterns=(*SETTINGS, *halves.values()),
        required=(("model_index.json",), *((halves[part], whole[part]) for part in parts)),
        main=".",
        purpose=f"{name.upper()}, to make pictures under control, half precision",
        licence=licence,
        size=size * HALF,
        gated=gated,
    )


def _own_part(name: str, repository: str, purpose: str) -> Release:
    """ControlNeXt for SDXL: an encoder and increments of the UNet."""
    return Release(
        name=name,
        repository=repository,
        patterns=("*.safetensors",),
        required=ENCODER_FILES,
        main=".",
        purpose=f"ControlNeXt for SDXL: {purpose}",
        licence="see its page",
        size=(ENCODER + TUNED_SDXL) * HALF,
    )


def _legacy_part(name: str, folder: str, purpose: str) -> Release:
    """ControlNeXt for SD1.5 in its older form."""
    place = f"ControlNeXt-SD1.5/{folder}"
    return Release(
        name=name,
        repository=CONTROL,
        patterns=(f"{place}/*.safetensors",),
        required=((f"{place}/controlnet.safetensors",),),
        main=place,
        purpose=f"ControlNeXt for SD1.5: {purpose}",
        licence="Apache-2.0",
        size=LEGACY * SINGLE,
    )


def _controlnet(name: str, repository: str, purpose: str) -> Release:
    return Release(
        name=name,
        repository=repository,
        patterns=("config.json", f"{WEIGHTS}.safetensors", f"{WEIGHTS}.fp16.safetensors"),
        required=(
            ("config.json",),
            (f"{WEIGHTS}.safetensors", f"{WEIGHTS}.fp16.safetensors"),
        ),
        main=".",
        purpose=f"ControlNet for SD1.5: {purpose}",
        licence="see its page",
        size=CONTROLNET_SD15 * SINGLE,
    )


DIFFUSION, TEXT = WEIGHTS, "model"
STILLS: tuple[Release, ...] = (
    _base(
        "sd15",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        {"unet": DIFFUSION, "vae": DIFFUSION, "text_encoder": TEXT},
        SD15_UNET + SD_VAE + CLIP_L,
        "CreativeML Open RAIL-M",
        gated=False,
    ),
    _base(
        "sdxl",
        "stabilityai/stable-diffusion-xl-base-1.0",
        {"unet": DIFFUSION, "vae": DIFFUSION, "text_encoder": TEXT, "text_encoder_2": TEXT},
        SDXL_UNET + SD_VAE + CLIP_L + CLIP_G,
        "CreativeML Open RAIL++-M",
        gated=False,
    ),
    Release(
        name="sdxl-vae",
        repository="madebyollin/sdxl-vae-fp16-fix",
        patterns=("config.json", f"{WEIGHTS}.safetensors"),
        required=(("config.json",), (f"{WEIGHTS}.safetensors",)),
        main=".",
        purpose="SDXL's autoencoder that works in half precision, to be given as --vae",
        licence="MIT",
        size=SD_VAE * SINGLE,
    ),
    # Without its third text encoder, which is larger than all the rest.
    Release(
        name="sd3",
        repository="stabilityai/stable-diffusion-3-medium-diffusers",
        patterns=(
            *SETTINGS,
            f"transformer/{WEIGHTS}.safetensors",
            f"vae/{WEIGHTS}.safetensors",
            "text_encoder/model.fp16.safetensors",
            "text_encoder_2/model.fp16.safetensors",
        ),
        required=(
            ("model_index.json",),
            (f"transformer/{WEIGHTS}.safetensors",),
            (f"vae/{WEIGHTS}.safetensors",),
            ("text_encoder/model.fp16.safetensors", "text_encoder/model.safetensors"),
            ("text_encoder_2/model.fp16.safetensors", "text_encoder_2/model.safetensors"),
        ),
        main=".",
        purpose="Stable Diffusion 3 medium without its T5, half precision",
        licence="Stability AI Community",
        size=(SD3_TRANSFORMER + SD_VAE + CLIP_L + CLIP_G) * HALF,
        gated=True,
    ),
    _own_part("sdxl-canny", "Eugeoter/controlnext-sdxl-anime-canny", "canny edges of drawings"),
    _own_part("sdxl-depth", "Eugeoter/controlnext-sdxl-vidit-depth", "depth"),
    _legacy_part("sd15-pose", "deepfashion_multiview", "skeletons"),
    _legacy_part("sd15-depth", "vidit_depth", "depth"),
    _controlnet("controlnet-canny", "lllyasviel/control_v11p_sd15_canny", "canny edges"),
    _controlnet("controlnet-depth", "lllyasviel/control_v11f1p_sd15_depth", "depth"),
    _controlnet("controlnet-pose", "lllyasviel/control_v11p_sd15_openpose", "skeletons"),
    _controlnet("controlnet-softedge", "lllyasviel/control_v11p_sd15_softedge", "soft edges"),
    _controlnet("controlnet-lines", "lllyasviel/control_v11p_sd15_mlsd", "straight lines"),
    _controlnet("controlnet-segmentation", "lllyasviel/control_v11p_sd15_seg", "segmentation"),
)
# Family, method and kind of map -> the part that reads it.
PARTS = {
    ("sdxl", "controlnext", "canny"): "sdxl-canny",
    ("sdxl", "controlnext", "depth"): "sdxl-depth",
    ("sd15", "controlnext", "pose"): "sd15-pose",
    ("sd15", "controlnext", "depth"): "sd15-depth",
    **{
        ("sd15", "controlnet", kind): f"controlnet-{kind}"
        for kind in ("canny", "depth", "pose", "softedge", "lines", "segmentation")
    },
}
