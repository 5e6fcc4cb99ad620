"""`python -m benchmarks.models`: both real models end to end, beside vLLM's own server called directly.

    python -m benchmarks.models [--quick] [--rounds N] [--json]

The shop's models run under Ray Serve behind a router, and vLLM's own OpenAI server runs the same weights with the same
limits. In each round they get the same load in turns, while the other is idle: completions of 48 tokens, alone and
eight at once. Prompts differ at their first word, so that neither an exact cache nor a prefix cache can help.
"""

import asyncio
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson
import yaml

from benchmarks.harness import command
from benchmarks.report import Bar, Report
from control_plane.spec.documents import API_VERSION, Model
from control_plane.spec.errors import Code, TiermeshError
from model_repo import documents, sources
from model_repo.generation import vllm_engine
from model_repo.settings import home

SHOP = Path(__file__).parent.parent / "examples" / "shop"
_START_SECONDS = 600
_STOP_SECONDS = 40
_TOKENS = 48
_CONCURRENCY = (1, 8)


@dataclass(frozen=True, slots=True)
class Speed:
    """One load's outcome. Rate: generated tokens a second, all callers together."""

    tokens_per_second: float
    first_token_ms: float


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = command.parser("models", "Both real models end to end.").parse_args(arguments)
    return command.report(lambda: asyncio.run(run(1 if options.quick else options.rounds)), options)


async def run(rounds: int) -> Report:
    """Start everything, measure in turns. Raises TiermeshError(SETUP) where something does not start."""
    shop = documents.read(SHOP)
    serve, router, admin, vllm = (f"http://127.0.0.1:{port}" for port in _free_ports(4))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        status = folder / "status.json"
        stack.enter_context(_running("model_repo", _models_environment(serve, status), folder))
        await _until("the models", lambda: _models_run(status))
        stack.enter_context(_running("routers", _router_environment(router, admin, serve, folder), folder))
        await _until("the router", lambda: _answers(f"{admin}/readyz"))
        stack.enter_context(
            _running("vllm.entrypoints.openai.api_server", {}, folder, _vllm_flags(vllm, shop["assistant"]))
        )
        await _until("vLLM's server", lambda: _answers(f"{vllm}/health"))
        async with httpx2.AsyncClient(timeout=_START_SECONDS) as http:
            return Report("models", await _measure(http, rounds, serve, router, vllm), notes=_NOTES)


_NOTES = ("Latencies of a machine that does other work too vary; the ratios were taken in turns and carry over.",)


async def _measure(http: httpx2.AsyncClient, rounds: int, serve: str, router: str, vllm: str) -> list[Bar]:
    light = {
        "router": [await _light(http, f"{router}/v1", "shop", number) for number in range(rounds)],
        "Ray Serve": [await _light(http, f"{serve}/faq/v1", "faq", number) for number in range(rounds)],
    }
    bars = [Bar(f"light tier, chat, p50 through {way}", statistics.median(found), "ms") for way, found in light.items()]
    for base, model in ((f"{router}/v1", "shop"), (f"{vllm}/v1", "assistant")):
        await _heavy(http, base, model, 1, "warm-up")
    for at_once in _CONCURRENCY:
        mesh, direct = [], []
        for number in range(rounds):
            mesh.append(await _heavy(http, f"{router}/v1", "shop", at_once, f"{number}m"))
            direct.append(await _heavy(http, f"{vllm}/v1", "assistant", at_once, f"{number}d"))
            command.say(f"{at_once} at once, round {number + 1}: mesh {mesh[-1]}, vLLM {direct[-1]}")
        bars += _compare(at_once, mesh, direct)
    return bars


def _compare(at_once: int, mesh: Sequence[Speed], direct: Sequence[Speed]) -> list[Bar]:
    """Medians of both, and the medians of their ratios within a round."""
    what = f"heavy tier, {at_once} at once"
    pairs = list(zip(mesh, direct, strict=True))
    return [
        Bar(f"{what}, mesh", statistics.median(speed.tokens_per_second for speed in mesh), "tokens/s"),
        Bar(f"{what}, vLLM's server", statistics.median(speed.tokens_per_second for speed in direct), "tokens/s"),
        Bar(
            f"{what}, rate",
            statistics.median(m.tokens_per_second / d.tokens_per_second for m, d in pairs),
            "× vLLM's server",
        ),
        Bar(f"{what}, first token, mesh", statistics.median(speed.first_token_ms for speed in mesh), "ms"),
        Bar(f"{what}, first token, vLLM's server", statistics.median(speed.first_token_ms for speed in direct), "ms"),
        Bar(
            f"{what}, first token",
            statistics.median(m.first_token_ms / d.first_token_ms for m, d in pairs),
            "× vLLM's server",
        ),
    ]


async def _light(http: httpx2.AsyncClient, base: str, model: str, round_number: int) -> float:
    """Median milliseconds of a known question, each time worded a little differently, one at a time."""
    times = []
    for number in range(50):
        question = f"How long does delivery take{'?' * (number % 5 + 1)} {'!' * round_number}{' ' * number}"
        body = {"model": model, "messages": [{"role": "user", "content": question}]}
        began = time.perf_counter()
        response = await http.post(f"{base}/chat/completions", json=body)
        times.append((time.perf_counter() - began) * 1000)
        if response.status_code != 200 or "Standard delivery" not in response.text:
            raise _wrong(f"the light tier at {base}", f"it answered {response.status_code}: {response.text[:200]}")
    return statistics.median(times)


async def _heavy(http: httpx2.AsyncClient, base: str, model: str, at_once: int, salt: str) -> Speed:
    began = time.perf_counter()
    prompts = [f"{salt}{number}: once upon a time in a far country" for number in range(at_once)]
    found = await asyncio.gather(*(_complete(http, base, model, prompt) for prompt in prompts))
    rate = sum(tokens for tokens, _ in found) / (time.perf_counter() - began)
    return Speed(round(rate, 1), round(statistics.median(first for _, first in found), 1))


async def _complete(http: httpx2.AsyncClient, base: str, model: str, prompt: str) -> tuple[int, float]:
    """Tokens of one streamed completion, and milliseconds to its first text."""
    body = {"model": model, "prompt": prompt, "max_tokens": _TOKENS, "temperature": 1.0, "stream": True}
    began, first, tokens = time.perf_counter(), 0.0, 0
    async with http.stream(
        "POST", f"{base}/completions", json={**body, "stream_options": {"include_usage": True}}
    ) as got:
        if got.status_code != 200:
            raise _wrong(f"the heavy tier at {base}", f"it answered {got.status_code}: {(await got.aread())[:200]!r}")
        async for line in got.aiter_lines():
            if line.startswith("data: {"):
                chunk: dict[str, Any] = orjson.loads(line.removeprefix("data: "))
                if not first and any(choice["text"] for choice in chunk["choices"]):
                    first = time.perf_counter() - began
                tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
    return tokens, first * 1000


def _models_environment(serve: str, status: Path) -> dict[str, str]:
    return {
        "TIERMESH_MODELS_PORT": serve.rpartition(":")[2],
        "TIERMESH_MODELS_DOCUMENTS": str(SHOP),
        "TIERMESH_MODELS_STATUS_FILE": str(status),
    }


def _router_environment(router: str, admin: str, serve: str, folder: Path) -> dict[str, str]:
    """A router that follows a file: the shop's Route, to Models at the addresses of this run."""
    config = folder / "router.yaml"
    route = yaml.safe_load((SHOP / "route.yaml").read_text(encoding="utf-8"))
    models = [
        {
            "apiVersion": API_VERSION,
            "kind": "Model",
            "metadata": {"name": name},
            "spec": {"engine": "openai", "tier": tier, "url": f"{serve}/{name}/v1"},
        }
        for name, tier in (("faq", "light"), ("assistant", "heavy"))
    ]
    config.write_text(yaml.safe_dump_all([route, *models]), encoding="utf-8")
    return {
        "TIERMESH_HOME": str(folder),
        "TIERMESH_ROUTER_PORT": router.rpartition(":")[2],
        "TIERMESH_ROUTER_GRPC_PORT": "0",
        "TIERMESH_ROUTER_ADMIN_PORT": admin.rpartition(":")[2],
        "TIERMESH_ROUTER_CONFIG": str(config),
        "TIERMESH_ROUTER_ACCESS_LOG": "false",
    }


def _vllm_flags(url: str, model: Model) -> list[str]:
    """vLLM's own server with the engine arguments that our deployment uses."""
    weights = sources.folder(model.spec.source or "", home())
    flags = ["--host", "127.0.0.1", "--port", url.rpartition(":")[2], "--served-model-name", model.metadata.name]
    for name, value in vllm_engine.arguments(weights, model.spec).items():
        if value is not None and value is not False:
            flags += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return flags


@contextlib.contextmanager
def _running(module: str, variables: Mapping[str, str], folder: Path, flags: Sequence[str] = ()) -> Iterator[None]:
    """A process of this Python, its output in a log of its own; ended as people end it."""
    offline = {"VLLM_TARGET_DEVICE": "cpu", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
    with (folder / f"{module}.log").open("w") as log:
        environment = {**os.environ, **offline, **variables}
        process = subprocess.Popen([sys.executable, "-m", module, *flags], env=environment, stdout=log, stderr=log)
        try:
            yield
            if process.poll() is not None:
                raise _wrong(f"`python -m {module}`", "it has ended before its time")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _until(what: str, ready: Callable[[], bool]) -> None:
    command.say(f"waiting for {what}")
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise _wrong(what, f"no answer within {_START_SECONDS} s")
        await asyncio.sleep(0.5)


def _models_run(status: Path) -> bool:
    models = orjson.loads(status.read_bytes())["models"] if status.exists() else {}
    failed = [f"{name}: {model['message']}" for name, model in models.items() if model["state"] == "failed"]
    if failed:
        raise _wrong("the models", "; ".join(failed))
    return bool(models) and all(model["state"] == "running" for model in models.values())


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _wrong(what: str, why: str) -> TiermeshError:
    return TiermeshError(Code.SETUP, f"The benchmark cannot go on: {what}: {why}.", "Run the same by hand to see more.")


if __name__ == "__main__":
    sys.exit(main())
