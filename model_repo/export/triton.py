"""A Triton model repository: one folder a model, in it `config.pbtxt` and one numbered folder a version.

Source: https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_configuration.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from control_plane.spec.documents import Model
from model_repo.export.ports import Port

Backend = Literal["onnxruntime", "tensorrt"]

FILES: Mapping[Backend, str] = {"onnxruntime": "model.onnx", "tensorrt": "model.plan"}
"""What Triton looks for in a version's folder."""
_KINDS = {"INT64": "TYPE_INT64", "INT32": "TYPE_INT32", "FLOAT": "TYPE_FP32", "FLOAT16": "TYPE_FP16"}
"""ONNX's element types -> Triton's."""
_QUEUE_DELAY_MICROSECONDS = 1000
"""How long a text may wait for others. A batch of texts takes longer than that, so little is lost."""


@dataclass(frozen=True, slots=True)
class Name:
    """A bare word in a configuration: one of an enumeration's names, written without quotes."""

    text: str


Field = str | int | Name | Mapping[str, "Field"] | list["Field"]


def write_config(
    folder: Path, model: Model, backend: Backend, inputs: tuple[Port, ...], outputs: tuple[Port, ...]
) -> Path:
    """Write `config.pbtxt` into the model's folder; returns its path."""
    path = folder / "config.pbtxt"
    path.write_text(render(configuration(model, backend, inputs, outputs)), encoding="utf-8")
    return path


def configuration(
    model: Model, backend: Backend, inputs: tuple[Port, ...], outputs: tuple[Port, ...]
) -> dict[str, Field]:
    """The Model's limits and replicas in Triton's words, around the network's own inputs and outputs.

    The first dimension of each is the batch, which Triton adds by itself. It batches requests of one shape: callers
    that pad their texts to few lengths are batched more often.
    """
    spec = model.spec
    on_gpu = backend == "tensorrt" or spec.resources.gpus > 0
    # Triton reads 0 as no bound at all.
    queue: Field = {"max_queue_size": max(1, spec.limits.max_queued)}
    return {
        "name": model.metadata.name,
        "backend": backend,
        "max_batch_size": spec.limits.max_ongoing,
        "input": [_tensor(port) for port in inputs],
        "output": [_tensor(port) for port in outputs],
        "instance_group": [{"kind": Name("KIND_GPU" if on_gpu else "KIND_CPU"), "count": spec.replicas.min}],
        "dynamic_batching": {
            "max_queue_delay_microseconds": _QUEUE_DELAY_MICROSECONDS,
            "default_queue_policy": queue,
        },
    }


def _tensor(port: Port) -> Field:
    return {"name": port.name, "data_type": Name(_KINDS[port.kind]), "dims": list(port.dimensions[1:])}


def render(message: Mapping[str, Field], indent: str = "") -> str:
    """Protocol buffers' text format: a field a line, a list as its field again for each item."""
    return "".join(
        _line(name, item, indent)
        for name, value in message.items()
        for item in (value if isinstance(value, list) else [value])
    )


def _line(name: str, value: Field, indent: str) -> str:
    if isinstance(value, Mapping):
        return f"{indent}{name} {{\n{render(value, indent + '  ')}{indent}}}\n"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{indent}{name}: "{escaped}"\n'
    return f"{indent}{name}: {value.text if isinstance(value, Name) else value}\n"
