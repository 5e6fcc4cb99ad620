"""ONNX -> a TensorRT engine for the GPU of this machine, where there is one and the package `tensorrt` is installed.

Source: https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/python-api-docs.html
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from control_plane.spec.errors import Code, TiermeshError
from model_repo import capacity
from model_repo.export.ports import INPUTS, Say

_PACKAGE = "tensorrt"
_COMMON_TOKENS = 32
"""The engine is tuned for texts of this length: a shop's question."""


def check() -> None:
    """Raises TiermeshError(SETUP) that says which of the two is missing: the package, a GPU, or both."""
    missing = []
    if find_spec(_PACKAGE) is None:
        missing.append(f"the package {_PACKAGE!r} is not installed")
    if not capacity.look().gpus:
        missing.append("this machine has no NVIDIA GPU")
    if missing:
        message = f"A TensorRT engine cannot be built here: {' and '.join(missing)}."
        raise TiermeshError(
            Code.SETUP, message, "Build it on the kind of GPU that will run it, or use --format triton."
        )


def build(source: Path, target: Path, most_texts: int, most_tokens: int, say: Say) -> None:
    """Write the engine; takes minutes. It runs on this kind of GPU and this version of TensorRT alone.

    Raises TiermeshError(SETUP) where something is missing, or TensorRT refuses the network.
    """
    check()
    say(f"building a TensorRT engine from {source}, which takes minutes")
    tensorrt: Any = import_module(_PACKAGE)
    log = tensorrt.Logger(tensorrt.Logger.WARNING)
    builder = tensorrt.Builder(log)
    network = builder.create_network(0)
    parser = tensorrt.OnnxParser(network, log)
    if not parser.parse(source.read_bytes()):
        said = "; ".join(str(parser.get_error(number)) for number in range(parser.num_errors))
        raise TiermeshError(Code.SETUP, f"TensorRT cannot read {source}: {said}.", "Use --format triton.")
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    for name in INPUTS:
        profile.set_shape(name, (1, 1), (most_texts, min(_COMMON_TOKENS, most_tokens)), (most_texts, most_tokens))
    config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise TiermeshError(Code.SETUP, f"TensorRT builds no engine from {source}.", "Its log above says why.")
    target.write_bytes(engine)
