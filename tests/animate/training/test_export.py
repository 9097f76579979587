from __future__ import annotations

import json
from pathlib import Path

import torch

from animate.pipelines import ControlNeXtVideoPipeline
from animate.training.export import write_pipeline


def test_an_export_tells_no_path_of_the_machine(tiny_model: Path, tmp_path: Path) -> None:
    pipeline = ControlNeXtVideoPipeline.from_pretrained(tiny_model)
    write_pipeline(pipeline, tmp_path, torch.float16)
    told = [json.loads(file.read_text()) for file in tmp_path.rglob("*.json")]
    assert not any("_name_or_path" in one for one in told)
    again = ControlNeXtVideoPipeline.from_pretrained(tmp_path, torch_dtype=torch.float16)
    for name, tensor in pipeline.unet.state_dict().items():
        assert torch.equal(again.unet.state_dict()[name], tensor)
