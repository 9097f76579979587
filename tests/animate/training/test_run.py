import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from animate.cli import main
from animate.training.loop import LOG
from pose.video import open_video
from temporal.checkpoints import read_unet
from temporal.tensorfiles import read_tensors
from tests.animate.training.films import make_films, prepare_films

STEPS = 24
LOOP = {"batch": 2, "rate": 2e-3, "warm_up": 2, "device": "cpu", "save_every": 0, "ema": 0.9}


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_films(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def dataset(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "dataset"
    prepare_films(films, folder)
    return folder


def config_of(folder: Path, dataset: Path, base: Path, **sections: object) -> Path:
    values = {
        "output": str(folder / "run"),
        "model": {"base": str(base), **dict(sections.pop("model", {}))},  # type: ignore[call-overload]
        "data": {"dataset": str(dataset), "sizes": ["64x96"], "frames": 2},
        "loop": {**LOOP, "steps": STEPS, **dict(sections.pop("loop", {}))},  # type: ignore[call-overload]
        **sections,
    }
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def losses_of(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / LOG).read_text().splitlines()]


def test_a_toy_run_learns_and_its_export_animates(
    films: Path, dataset: Path, tiny_model: Path, hero: Path, tmp_path: Path
) -> None:
    model = {"trainable": "all", "base_rate": 1.0}
    sections = {"loop": {"preview_every": STEPS}, "preview": {"steps": 2}}
    config = config_of(tmp_path, dataset, tiny_model, model=model, **sections)
    assert main(["train", "--quiet", str(config)]) == 0
    losses = losses_of(tmp_path / "run")
    assert len(losses) == STEPS
    assert np.median(losses[-8:]) < 0.7 * np.median(losses[:8])
    assert (tmp_path / "run" / "previews" / f"{STEPS:08d}" / "sample_1.mp4").is_file()
    result = tmp_path / "run" / "result" / "model"
    clip = tmp_path / "clip.mp4"
    driving, size = str(films / "film00.npz"), "64x96"
    words = [driving, "--ref", str(hero), "--model", str(result), "-o", str(clip), "--size", size]
    assert main([*words, "--frames", "3", "--steps", "2", "--no-eval", "--quiet"]) == 0
    assert len(list(open_video(clip))) == 3


def test_official_files_hold_what_differs(dataset: Path, tiny_model: Path, tmp_path: Path) -> None:
    tensors = {}
    for form in ("values", "increments"):
        (tmp_path / form).mkdir()
        config = config_of(
            tmp_path / form,
            dataset,
            tiny_model,
            model={"trainable": "attn2.to_out"},
            loop={"steps": 1, "warm_up": 0},
            export={"official": form, "number": "fp32"},
        )
        assert main(["train", "--quiet", str(config)]) == 0
        (file,) = (tmp_path / form / "run" / "result" / "official").iterdir()
        tensors[form], increments = read_unet(file)
        assert increments == (form == "increments")
    base, _ = read_unet(tiny_model / "unet")
    assert tensors["values"]
    assert all("attn2" in name and "to_out" in name for name in tensors["values"])
    for name, value in tensors["values"].items():
        torch.testing.assert_close(base[name] + tensors["increments"][name], value)


def test_a_lora_of_ones_own_can_be_loaded(
    films: Path, dataset: Path, tiny_model: Path, hero: Path, tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    model, loop = {"method": "lora", "rank": 2}, {"steps": 2, "warm_up": 0, "rate": 0.1}
    config = config_of(tmp_path, dataset, tiny_model, model=model, loop=loop)
    assert main(["train", "--quiet", str(config)]) == 0
    (file,) = (tmp_path / "run" / "result" / "lora").iterdir()
    assert any("lora_B" in name and value.any() for name, value in read_tensors(file).items())
    frames = []
    for name, more in (("plain", []), ("lora", ["--lora", str(file)])):
        clip = tmp_path / f"{name}.mp4"
        words = [str(films / "film00.npz"), "--ref", str(hero), "--model", str(tiny_model)]
        words += ["-o", str(clip), "--size", "64x96", "--frames", "1", "--no-eval", "--quiet"]
        assert main([*words, *more]) == 0
        frames.append(next(iter(open_video(clip))).copy())
    assert (frames[0] != frames[1]).any()


def test_a_controlnet_of_ones_own_animates(
    films: Path,
    dataset: Path,
    tiny_model: Path,
    hero: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    loop = {"steps": 4, "warm_up": 0, "rate": 0.02, "checkpointing": True, "preview_every": 4}
    sections = {"model": {"method": "controlnet"}, "loop": loop, "preview": {"steps": 2}}
    assert main(["train", str(config_of(tmp_path, dataset, tiny_model, **sections))]) == 0
    assert f"--model {tiny_model} --controlnext .../controlnet" in capsys.readouterr().out
    assert (tmp_path / "run" / "previews" / "00000004" / "sample_0.mp4").is_file()
    control = tmp_path / "run" / "result" / "controlnet"
    tensors = read_tensors(control)
    assert any(name.startswith("joins.") and value.any() for name, value in tensors.items())
    frames = {}
    for name, more in {
        "plain": ["--control-scale", "0"],
        "none": ["--controlnext", str(control), "--control-scale", "0"],
        "full": ["--controlnext", str(control), "--guidance", "2", "--window", "2"],
        "both": ["--controlnext", str(control), "--guidance", "2", "--window", "2"],
    }.items():
        clip = tmp_path / f"{name}.mp4"
        words = [str(films / "film00.npz"), "--ref", str(hero), "--model", str(tiny_model)]
        words += ["-o", str(clip), "--size", "64x96", "--frames", "3", "--no-eval", "--quiet"]
        lanes = ["--devices", "cpu,cpu"] if name == "both" else []
        assert main([*words, "--steps", "2", *more, *lanes]) == 0
        frames[name] = np.stack(list(open_video(clip)))
    assert (frames["none"] == frames["plain"]).all()
    assert (frames["full"] == frames["both"]).all()
    assert (frames["full"] != frames["plain"]).any()


def test_a_controlnet_can_be_trained_on(dataset: Path, tiny_model: Path, tmp_path: Path) -> None:
    loop, places = {"steps": 1, "warm_up": 0, "rate": 0.02}, {}
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        model = {"method": "controlnet", **places}
        config = config_of(tmp_path / name, dataset, tiny_model, model=model, loop=loop,
                           export={"number": "fp32"})  # fmt: skip
        assert main(["train", "--quiet", str(config)]) == 0
        places["control"] = str(tmp_path / name / "run" / "result" / "controlnet")
    first = read_tensors(tmp_path / "first" / "run" / "result" / "controlnet")
    second = read_tensors(Path(places["control"]))
    for values in (first, second):
        assert values["middle.weight"].any()
    assert (first["middle.weight"] - second["middle.weight"]).abs().max() > 0


def test_a_damaged_clip_is_left_out(
    films: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = prepare_films(films, tmp_path / "dataset")
    for row in prepared.rows[:12]:
        (prepared.folder / row.clip).write_bytes(b"no film")
    config = config_of(tmp_path, prepared.folder, tiny_model, loop={"steps": 3})
    assert main(["train", str(config)]) == 0
    assert "broken samples were left out" in capsys.readouterr().out
    assert len(losses_of(tmp_path / "run")) == 3


def test_mistakes_end_with_the_usage_code(
    dataset: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(tmp_path, dataset, tiny_model)
    assert main(["train", str(config), "loop.stpes=3"]) == 2
    assert "did you mean steps?" in capsys.readouterr().err


@pytest.mark.slow
def test_launched_processes_give_the_losses_of_one(
    dataset: Path, tiny_model: Path, tmp_path: Path
) -> None:
    losses = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        loop = {"steps": 3, "batch": 4 // processes, "save_every": 2}
        model = {"trainable": "all", "base_rate": 1.0}
        config = config_of(folder, dataset, tiny_model, model=model, loop=loop)
        launch(config, processes)
        losses.append(losses_of(folder / "run"))
        assert (folder / "run" / "result" / "model" / "unet").is_dir()
    assert losses[0] == pytest.approx(losses[1], rel=2e-5)


def launch(config: Path, processes: int) -> None:
    """`accelerate launch -m animate.training` for one, over gloo and torchrun for more, which
    accelerate starts itself where there are GPUs."""
    root = Path(__file__).parents[3]
    if processes == 1:
        words = ["accelerate.commands.launch", "--cpu", "--mixed_precision=no"]
        words += ["--num_processes=1", "--num_machines=1", "--dynamo_backend=no"]
    else:
        words = ["torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    words = [sys.executable, "-m", *words, "-m", "animate.training", str(config), "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
