"""The engine on plain transformers: one answer at a time on a thread of its own. For machines without vLLM."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, StoppingCriteria, StoppingCriteriaList
from typing_extensions import override

from control_plane.spec.models import ModelSpec
from model_repo.generation.engine import Engine, Piece, Sampling
from model_repo.generation.texts import Unfolding


def load(weights: Path, spec: ModelSpec) -> Engine:
    """Load the model; 4 s and 1.3 GB for SmolLM2-135M."""
    # Two threads on two busy cores wait for each other longer than they compute.
    torch.set_num_threads(1)
    dtype = spec.generation.dtype if spec.generation else "auto"
    model = (
        AutoModelForCausalLM.from_pretrained(weights, dtype=dtype).to("cuda" if spec.resources.gpus else "cpu").eval()
    )
    return TransformersEngine(model, AutoTokenizer.from_pretrained(weights))


class TransformersEngine:
    """Requests wait for each other in the order in which they come."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._thread = ThreadPoolExecutor(1, "generation")
        eos = model.generation_config.eos_token_id
        self._ends = frozenset(eos if isinstance(eos, list) else [eos])

    async def generate(
        self, prompt: Sequence[int], sampling: Sampling, adapter: str | None = None
    ) -> AsyncGenerator[Piece]:
        """Continue the prompt; a reader that goes away stops the thread at its next token. There are no adapters."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        abandoned = threading.Event()

        def give(piece: Piece | None) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        def work() -> None:
            try:
                self._run(prompt, sampling, give, abandoned)
            finally:
                give(None)

        running = loop.run_in_executor(self._thread, work)
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            await running
        finally:
            abandoned.set()

    async def check(self) -> None:
        """Nothing here dies by itself."""

    def close(self) -> None:
        """End the thread after its present token."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _run(
        self, prompt: Sequence[int], sampling: Sampling, give: Callable[[Piece], None], abandoned: threading.Event
    ) -> None:
        if abandoned.is_set():
            return
        if sampling.seed is None:
            torch.seed()
        else:
            torch.manual_seed(sampling.seed)
        chance = {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        config = GenerationConfig(
            max_new_tokens=sampling.max_tokens,
            eos_token_id=sorted(self._ends),
            pad_token_id=min(self._ends),
            **(chance if sampling.temperature else {"do_sample": False}),
        )
        ids = torch.tensor([list(prompt)], device=self._model.device)
        writing = _Writing(self._unfold(sampling), len(prompt), sampling.max_tokens, self._ends, give, abandoned)
        with torch.inference_mode():
            self._model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                generation_config=config,
                stopping_criteria=StoppingCriteriaList([writing]),
            )

    def _unfold(self, sampling: Sampling) -> Unfolding:
        return Unfolding(lambda tokens: str(self._tokenizer.decode(tokens, skip_special_tokens=True)), sampling.stops)


class _Writing(StoppingCriteria):  # type: ignore[misc]  # transformers is not typed
    """Called after each token: gives it away as text, and says when to stop."""

    def __init__(
        self,
        text: Unfolding,
        prompt_tokens: int,
        max_tokens: int,
        ends: frozenset[int],
        give: Callable[[Piece], None],
        abandoned: threading.Event,
    ) -> None:
        self._text = text
        self._prompt_tokens = prompt_tokens
        self._max_tokens = max_tokens
        self._ends = ends
        self._give = give
        self._abandoned = abandoned

    @override
    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        token = int(input_ids[0, -1])
        tokens = int(input_ids.shape[1]) - self._prompt_tokens
        text = self._text.push(token)
        if token in self._ends or self._text.stopped:
            self._give(Piece(text + self._text.rest(), tokens, "stop"))
            return self._verdict(True)
        if tokens == self._max_tokens:
            self._give(Piece(text + self._text.rest(), tokens, "length"))
            return self._verdict(True)
        self._give(Piece(text, tokens))
        return self._verdict(self._abandoned.is_set())

    def _verdict(self, done: bool) -> torch.Tensor:
        return torch.tensor([done])
