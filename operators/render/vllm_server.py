"""vLLM's own server, for a Model that needs nothing but vLLM."""

import json
from collections.abc import Iterator

from control_plane.spec.documents import Model
from control_plane.spec.models import Generation, ModelSpec
from control_plane.spec.scaling import Signal
from operators.render import pods, sources
from operators.render.pods import Container
from operators.render.serve_config import model_name
from operators.render.server import Server
from operators.render.site import Site

_PORT = 8000
_READS = ("hf://", "file://")
QUERIES = {
    Signal.CONCURRENCY: "sum(vllm:num_requests_running{chosen}) + sum(vllm:num_requests_waiting{chosen})",
    Signal.QUEUE: "sum(vllm:num_requests_waiting{chosen})",
}


def lacks(spec: ModelSpec) -> Iterator[str]:
    """What it would leave out of what the document says, a phrase each."""
    generation = spec.generation or Generation()
    found = [spec.source or "", *(adapter.source for adapter in spec.adapters)]
    if not all(source.startswith(_READS) for source in found):
        yield "sources other than hf:// and file://"
    if spec.sha256 or any(adapter.sha256 for adapter in spec.adapters):
        yield "sha256"
    if generation.system_prompt is not None:
        yield "generation.systemPrompt"
    if generation.passages is not None:
        yield "generation.passages"


def server(document: Model, site: Site) -> Server:
    """The server's module, as its command looks up a distribution that the CPU's build does not have."""
    spec = document.spec
    container = Container(
        "vllm",
        site.vllm_image,
        ("python3", "-m", "vllm.entrypoints.openai.api_server"),
        tuple(arguments(document, site)),
        {"http": _PORT},
        _environment(spec),
        pods.probes("/health", "/health", "http", start_seconds=30 * 60),
        pods.resources(spec.resources, site, more_gib=1),
        pods.LEAVE,
    )
    volumes = pods.scratch(document) + pods.files(document, site)
    return Server(container, volumes, "http", "/v1", "http", QUERIES, pooled=True)


def _environment(spec: ModelSpec) -> dict[str, str]:
    environment = {
        "HOME": pods.HOME,
        "USER": "tiermesh",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    if not spec.resources.gpus:
        environment["VLLM_TARGET_DEVICE"] = "cpu"
    return environment


def arguments(document: Model, site: Site) -> Iterator[str]:
    """The document in the server's words."""
    spec = document.spec
    weights, revision = _weights(spec.source or "", site)
    yield f"--model={weights}"
    if revision:
        yield f"--revision={revision}"
    yield f"--served-model-name={model_name(document)}"
    yield f"--port={_PORT}"
    yield from engine_arguments(spec)
    if spec.adapters:
        yield "--enable-lora"
        yield "--lora-modules"
        for adapter in spec.adapters:
            path, _ = _weights(adapter.source, site)
            yield json.dumps({"name": f"{model_name(document)}:{adapter.name}", "path": path})


def engine_arguments(spec: ModelSpec) -> Iterator[str]:
    """What the engine is told, whoever starts it."""
    generation = spec.generation or Generation()
    yield f"--dtype={generation.dtype}"
    yield f"--max-model-len={generation.context_tokens}"
    yield f"--max-num-seqs={spec.limits.max_ongoing}"
    yield f"--tensor-parallel-size={generation.tensor_parallel}"
    if generation.quantization:
        yield f"--quantization={generation.quantization}"
    if generation.kv_cache_gib is not None:
        yield f"--kv-cache-memory-bytes={int(generation.kv_cache_gib * 2**30)}"
    if not spec.resources.gpus:
        yield "--enforce-eager"


def _weights(source: str, site: Site) -> tuple[str, str]:
    """What vLLM calls it, and its revision."""
    name = sources.local(source, site).removeprefix("file://").removeprefix("hf://")
    repository, _, revision = name.partition("@") if source.startswith("hf://") else (name, "", "")
    return repository, revision
