"""LoRA adapters as vLLM takes them: folders in PEFT's format, beside the base's weights in one engine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from control_plane.spec.errors import Code, TiermeshError

_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""The sizes that vLLM makes room for: https://docs.vllm.ai/en/latest/features/lora/"""


def arguments(adapters: Mapping[str, Path], on_cpu: bool) -> dict[str, Any]:
    """vLLM's engine arguments for these adapters; none where there are none, as room for them slows the base.

    Raises TiermeshError(SETUP) where a folder holds no adapter that vLLM can serve.
    """
    if not adapters:
        return {}
    most = max(_rank(name, folder) for name, folder in adapters.items())
    # All of them may stand in one batch, so that no request waits for another adapter's.
    return {
        "enable_lora": True,
        # On a CPU, vLLM gives what asks the base the adapter in the last place, where a batch holds both: it takes the
        # place -1 of "none" for an index from the end. One place more than there are adapters stays empty, which adds
        # nothing to the base.
        "max_loras": len(adapters) + on_cpu,
        "max_lora_rank": next(rank for rank in _RANKS if rank >= most),
    }


def requests(adapters: Mapping[str, Path]) -> dict[str, Any]:
    """What vLLM wants to see beside a request, by the adapter's name."""
    if not adapters:
        return {}
    from vllm.lora.request import LoRARequest  # deferred: vllm takes seconds to import

    return {name: LoRARequest(name, number, str(folder)) for number, (name, folder) in enumerate(adapters.items(), 1)}


def _rank(name: str, folder: Path) -> int:
    file = folder / "adapter_config.json"
    try:
        rank = json.loads(file.read_bytes())["r"]
        if not (folder / "adapter_model.safetensors").is_file():
            raise _unusable(name, "it has no adapter_model.safetensors")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unusable(name, f"{file} is not a PEFT configuration with a rank 'r'") from error
    if not isinstance(rank, int) or not 0 < rank <= _RANKS[-1]:
        raise _unusable(name, f"its rank is {rank!r}, and vLLM takes 1 to {_RANKS[-1]}")
    return rank


def _unusable(name: str, why: str) -> TiermeshError:
    cure = "Save it with PEFT's save_pretrained, as safetensors."
    return TiermeshError(Code.SETUP, f"The adapter {name!r} cannot be served: {why}.", cure)
