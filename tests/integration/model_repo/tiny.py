"""A sentence encoder as small as one can be: a BERT with weights by chance, in a folder as Hugging Face lays it out."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from model_repo.export import network, onnx
from model_repo.export.network import SentenceEncoder
from model_repo.faq import tokenizer
from tests.unit.model_repo.faq.pieces import PIECES as PIECES

WIDTH = 32
MOST_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Exported:
    """A network, and the folders that it was written to in float32 and in INT8."""

    network: SentenceEncoder
    folder: Path
    int8: Path


def write(folder: Path) -> Path:
    """Write it; returns the folder."""
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(PIECES),
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MOST_TOKENS,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.build(PIECES).save(str(folder / "tokenizer.json"))
    return folder


def export(source: Path, folder: Path) -> Exported:
    """Translate it, which takes five seconds."""
    encoder, tokens = network.load(f"file://{source}")
    whole, small = folder / "float32", folder / "int8"
    file = onnx.write(encoder, tokens, whole, lambda text: None)
    shutil.copytree(whole, small)
    onnx.quantize(file, small / file.name, lambda text: None)
    return Exported(encoder, whole, small)
