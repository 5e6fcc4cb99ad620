"""The engine on vLLM's AsyncLLM, which batches all requests of a replica token by token."""

import contextlib
import os
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Generation, ModelSpec
from model_repo.generation import lora
from model_repo.generation.engine import Engine, Piece, Sampling
from model_repo.openai import Finish

_SMALL_MACHINE_CPUS = 2
"""vLLM keeps a core for itself: up to here its worker calculates on one thread."""
_ONE_THREAD = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "OMP_NUM_THREADS": "1"}
"""The worker shares the engine's process: on its own it takes 0.6 GB and 10 s of CPU to start, and looks for work by
spinning. More threads than one need it apart, for vLLM binds them to cores there.
"""


def load(weights: Path, spec: ModelSpec, adapters: Mapping[str, Path] = MappingProxyType({})) -> Engine:
    """Load the model, on GPUs where its document asks for any and else on the CPU.

    `adapters` are LoRA adapters by name; vLLM reads each from its folder when a request first asks for it.
    """
    options = arguments(weights, spec) | lora.arguments(adapters, on_cpu=not spec.resources.gpus)
    os.environ.update(environment(spec, os.cpu_count() or 1))  # read when vllm is imported
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    return VllmEngine(AsyncLLM.from_engine_args(AsyncEngineArgs(**options)), adapters)


def environment(spec: ModelSpec, cpus: int) -> dict[str, str]:
    """What vLLM reads from the environment for a Model, on a machine with this many processors."""
    if spec.resources.gpus:
        return {}
    generation = spec.generation or Generation()
    alone = cpus <= _SMALL_MACHINE_CPUS and generation.tensor_parallel == 1
    # Its CPU build is known to it by this alone.
    return {"VLLM_TARGET_DEVICE": "cpu", **(_ONE_THREAD if alone else {})}


def arguments(weights: Path, spec: ModelSpec) -> dict[str, Any]:
    """vLLM's engine arguments for a Model."""
    generation = spec.generation or Generation()
    options: dict[str, Any] = {
        "model": str(weights),
        "dtype": generation.dtype,
        "quantization": generation.quantization,
        "tensor_parallel_size": generation.tensor_parallel,
        "max_model_len": generation.context_tokens,
        "max_num_seqs": spec.limits.max_ongoing,
        "disable_log_stats": True,
        # Without a GPU, compiling the graph costs minutes of start for nothing.
        "enforce_eager": not spec.resources.gpus,
    }
    if generation.kv_cache_gib is not None:
        options["kv_cache_memory_bytes"] = int(generation.kv_cache_gib * 2**30)
    return options


class VllmEngine:
    """Requests share the model; each stops when its reader goes away."""

    def __init__(self, llm: Any, adapters: Mapping[str, Path] = MappingProxyType({})) -> None:
        self._llm = llm
        self._adapters = lora.requests(adapters)

    async def generate(
        self, prompt: Sequence[int], sampling: Sampling, adapter: str | None = None
    ) -> AsyncGenerator[Piece]:
        """Continue the prompt; requests to different adapters share a batch."""
        from vllm import SamplingParams, TokensPrompt
        from vllm.exceptions import VLLMClientError
        from vllm.sampling_params import RequestOutputKind
        from vllm.v1.engine.exceptions import EngineDeadError

        parameters = SamplingParams(
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=sampling.seed,
            stop=list(sampling.stops),
            output_kind=RequestOutputKind.DELTA,
        )
        outputs = self._llm.generate(
            TokensPrompt(prompt_token_ids=list(prompt)),
            parameters,
            uuid.uuid4().hex,
            lora_request=self._adapters[adapter] if adapter else None,
        )
        tokens = 0
        try:
            # vLLM aborts the request when this iterator closes; a garbage collector may take its time over that.
            async with contextlib.aclosing(outputs):
                async for output in outputs:
                    (choice,) = output.outputs
                    tokens += len(choice.token_ids)
                    yield Piece(choice.text, tokens, _finish(choice.finish_reason))
        except VLLMClientError as error:
            raise TiermeshError(Code.INVALID_REQUEST, f"{error}") from error
        except EngineDeadError as error:
            message = "The model's engine has stopped; its replica is being replaced."
            raise TiermeshError(Code.UNAVAILABLE, message, "Try again in a minute.", retry_after_seconds=60) from error

    async def check(self) -> None:
        """Raises where the engine's process has died."""
        await self._llm.check_health()

    def close(self) -> None:
        """End the engine's processes."""
        self._llm.shutdown()


def _finish(reason: str | None) -> Finish | None:
    if reason is None:
        return None
    return "length" if reason == "length" else "stop"
