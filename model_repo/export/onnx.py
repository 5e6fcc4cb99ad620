"""torch -> ONNX, and ONNX -> ONNX in INT8."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

from model_repo.export.network import SentenceEncoder
from model_repo.export.ports import INPUTS, OUTPUT, Port, Say
from model_repo.faq.onnx_encoder import NETWORK
from model_repo.faq.onnx_encoder import TOKENIZER as TOKENIZER

_OPSET = 20


def write(network: SentenceEncoder, tokenizer: Tokenizer, folder: Path, say: Say, *, int8: bool = False) -> Path:
    """Write `model.onnx` and `tokenizer.json` into a folder, which is made where missing; returns the first.

    The network's numbers are float32, or with `int8` whole numbers: see `quantize`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / NETWORK
    whole = folder / f"float-{NETWORK}" if int8 else target
    _translate(network, whole, say)
    if int8:
        quantize(whole, target, say)
        whole.unlink()
    tokenizer.save(str(folder / TOKENIZER))
    return target


def _translate(network: SentenceEncoder, target: Path, say: Say) -> None:
    say("translating the network to ONNX")
    ids, mask = (torch.ones(2, 8, dtype=torch.int64) for _ in INPUTS)  # one tensor for both would become one input
    texts, tokens = torch.export.Dim("texts"), torch.export.Dim("tokens", max=network.most_tokens)
    with torch.inference_mode(), _quiet():
        program = torch.onnx.export(
            network,
            (ids, mask),
            input_names=INPUTS,
            output_names=[OUTPUT],
            dynamic_shapes=({0: texts, 1: tokens}, {0: texts, 1: tokens}),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None, "with dynamo=True the exporter returns a program"
    say(f"writing {target}")
    program.save(target, external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch and onnxruntime say about themselves: deprecations, packages that are not needed here, and
    that both inputs have the same number of texts, as they are to.
    """
    root, torchs = logging.getLogger(), logging.getLogger("torch.onnx")
    levels = root.level, torchs.level
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated", FutureWarning)
        warnings.filterwarnings("ignore", "# The axis name: .* shares the same shape constraints", UserWarning)
        root.setLevel(logging.ERROR)
        torchs.setLevel(logging.ERROR)
        try:
            yield
        finally:
            root.setLevel(levels[0])
            torchs.setLevel(levels[1])


def quantize(source: Path, target: Path, say: Say) -> None:
    """Write the network with its matrices in INT8, a scale for each output channel, and activations that are scaled as
    they come. Tables of words stay as they are: they are looked up, not calculated with.

    Weights use 7 of the 8 bits: on processors without VNNI, onnxruntime's sums of whole bytes overflow.
    """
    say(f"quantizing to INT8: {target}")
    with _quiet():
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )


def ports(path: Path) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """A network's inputs and outputs as its file states them."""
    graph = onnx.load(str(path), load_external_data=False).graph
    return tuple(map(_port, graph.input)), tuple(map(_port, graph.output))


def _port(value: onnx.ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    dimensions = tuple(size.dim_value if size.HasField("dim_value") else -1 for size in tensor.shape.dim)
    return Port(value.name, onnx.TensorProto.DataType.Name(tensor.elem_type), dimensions)
