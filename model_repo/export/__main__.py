"""`python -m model_repo.export NAME --documents PATH --format onnx|triton|tensorrt --out DIR`."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from control_plane.spec.documents import Model
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Engine
from model_repo import documents

Format = Literal["onnx", "triton", "tensorrt"]
FORMATS: tuple[Format, ...] = ("onnx", "triton", "tensorrt")


@dataclass(frozen=True, slots=True)
class Progress:
    """Says on standard error what is being done, and how long after the start."""

    began: float = field(default_factory=time.monotonic)

    def __call__(self, text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - self.began:6.1f} s  {text}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Standard output gets what was written; 1 and one sentence on standard error where it fails."""
    options = _parser().parse_args(arguments)
    try:
        model = chosen(options.name, options.documents)
        written = export(model, options.format, options.out, options.version)
    except TiermeshError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{path}\n" for path in written))
    return 0


def chosen(name: str, path: Path) -> Model:
    """The Model of this name, which has an encoder. Raises TiermeshError where there is none."""
    models = documents.read(path)
    if name not in models:
        known = ", ".join(sorted(models)) or "none"
        raise TiermeshError(Code.UNKNOWN_MODEL, f"There is no Model {name!r} in {path}.", f"There are: {known}.")
    model = models[name]
    if model.spec.engine is not Engine.FAQ:
        message = f"Model {name!r} has engine {model.spec.engine.value!r}, and only encoders are exported."
        raise TiermeshError(Code.SETUP, message, "Name a Model of engine 'faq'.")
    return model


def export(model: Model, kind: Format, out: Path, version: int) -> list[Path]:
    """Write the model's encoder below a folder and return the files.

    `onnx`: the network and its tokenizer. `triton`: a model repository that serves them. `tensorrt`: the same
    repository with an engine in place of the ONNX file; it is built from float32, as TensorRT reads neither
    onnxruntime's INT8 nor tables of bytes. Raises TiermeshError(SETUP) where something is missing.
    """
    say = Progress()
    if kind == "tensorrt":
        from model_repo.export import tensorrt

        tensorrt.check()  # before the minutes that come first
    say("loading torch")
    from model_repo.export import network, onnx  # deferred: it takes seconds to import

    say(f"reading {model.spec.source}")
    encoder, tokenizer = network.load(model.spec.source or "")
    if kind == "tensorrt":
        encoder.unpack()
    int8 = kind != "tensorrt" and model.spec.faq is not None and model.spec.faq.quantization == "int8"
    folder = out if kind == "onnx" else out / model.metadata.name / str(version)
    file = onnx.write(encoder, tokenizer, folder, say, int8=int8)
    if kind == "onnx":
        return [file, file.with_name(onnx.TOKENIZER)]
    return _repository(model, kind, file, encoder.most_tokens, say)


def _repository(model: Model, kind: Format, file: Path, most_tokens: int, say: Progress) -> list[Path]:
    """Make a version's folder with its ONNX file part of a Triton model repository; returns its files."""
    from model_repo.export import onnx, tensorrt, triton

    inputs, outputs = onnx.ports(file)
    backend: triton.Backend = "onnxruntime"
    folder = file.parent.parent
    if kind == "tensorrt":
        backend, source, file = "tensorrt", file, file.with_name(triton.FILES["tensorrt"])
        tensorrt.build(source, file, model.spec.limits.max_ongoing, most_tokens, say)
        source.unlink()
    tokenizer = file.with_name(onnx.TOKENIZER).replace(folder / onnx.TOKENIZER)
    return [file, tokenizer, triton.write_config(folder, model, backend, inputs, outputs)]


def _version(text: str) -> int:
    """Triton reads no folder whose name is not a number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_repo.export", description="Write a Model's encoder to files."
    )
    parser.add_argument("name", help="the Model's name")
    parser.add_argument("--documents", type=Path, required=True, help="the file or folder with its document")
    parser.add_argument("--format", choices=FORMATS, default="onnx", help="default: onnx")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write below")
    parser.add_argument("--version", type=_version, default=1, help="of the model in Triton's repository; default: 1")
    return parser


if __name__ == "__main__":
    sys.exit(main())
