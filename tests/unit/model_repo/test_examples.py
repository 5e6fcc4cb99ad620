"""The examples are documents that hold together, the ones for GPUs too, which no laptop can start."""

from pathlib import Path

import pytest
import yaml

from control_plane.spec.compile import compile
from control_plane.spec.documents import Model, parse
from control_plane.spec.models import Engine
from model_repo.generation import vllm_engine
from model_repo.options import deployment_options
from tests.unit.model_repo.samples import GPU, SHOP


@pytest.mark.parametrize("folder", [SHOP, GPU], ids=lambda folder: folder.name)
def test_an_example_compiles(folder: Path) -> None:
    documents = [parse(yaml.safe_load(path.read_text())) for path in sorted(folder.glob("*.yaml"))]
    content = compile(documents)
    assert content.routes and content.backends


def gpu_models() -> list[Model]:
    found = [parse(yaml.safe_load(path.read_text())) for path in sorted(GPU.glob("*.yaml"))]
    return [document for document in found if isinstance(document, Model)]


def test_gpu_models_reserve_the_gpus_they_split_over() -> None:
    for document in gpu_models():
        spec = document.spec
        assert spec.engine is Engine.VLLM and spec.generation is not None
        assert deployment_options(spec)["ray_actor_options"]["num_gpus"] == spec.generation.tensor_parallel


def test_gpu_models_compile_their_graphs_and_let_vllm_size_the_cache() -> None:
    for document in gpu_models():
        arguments = vllm_engine.arguments(Path("/weights"), document.spec)
        assert arguments["enforce_eager"] is False
        assert "kv_cache_memory_bytes" not in arguments


def test_quantization_and_split_reach_vllm() -> None:
    (awq,) = [
        document for document in gpu_models() if document.spec.generation and document.spec.generation.quantization
    ]
    arguments = vllm_engine.arguments(Path("/weights"), awq.spec)
    assert (arguments["quantization"], arguments["tensor_parallel_size"]) == ("awq", 2)
