"""LoRA adapters as small as they can be: two of SmolLM2-135M that change every answer, each in its own way."""

import json
from pathlib import Path

import numpy as np
import yaml
from safetensors.numpy import save_file

from control_plane.client.files import read_documents
from control_plane.spec.documents import dump
from launcher.documents import bundled

RANK = 8
_LAYERS, _WIDTH, _INNER = 30, 576, 1536
"""SmolLM2-135M's."""
_STRENGTH = 1.0
"""Of a random change: enough to lead every answer elsewhere, and not so much that numbers overflow."""


def write(folder: Path, seed: int) -> Path:
    """An adapter in PEFT's format, which `peft` itself need not be installed for; returns the folder."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(seed)
    tensors = {}
    for layer in range(0, _LAYERS, 3):
        name = f"base_model.model.model.layers.{layer}.mlp.down_proj"
        shapes = {"A": (RANK, _INNER), "B": (_WIDTH, RANK)}
        for part, shape in shapes.items():
            drawn = chance.normal(scale=_STRENGTH / np.sqrt(RANK), size=shape).astype(np.float32)
            tensors[f"{name}.lora_{part}.weight"] = drawn
    save_file(tensors, folder / "adapter_model.safetensors")
    said = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "SmolLM2-135M-Instruct",
        "r": RANK,
        "lora_alpha": RANK,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": ["down_proj"],
    }
    (folder / "adapter_config.json").write_text(json.dumps(said))
    return folder


def shop_with_adapters(folder: Path) -> Path:
    """The bundled shop, whose assistant has two adapters, `first` and `second`: as documents in one file."""
    documents = [dump(document) for document in read_documents(bundled())]
    for document in documents:
        if document["metadata"]["name"] == "assistant":
            document["spec"]["adapters"] = [
                {"name": name, "source": f"file://{write(folder / name, seed)}"}
                for seed, name in enumerate(("first", "second"), 7)
            ]
    file = folder / "shop.yaml"
    file.write_text(yaml.safe_dump_all(documents, allow_unicode=True), encoding="utf-8")
    return file
