"""vLLM's own OpenAI server, with the small model, behind a router: as whoever runs vLLM already would use it."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from control_plane.spec.documents import Document
from tests.contract.router_process import RouterProcess
from tests.integration.processes import running
from tests.stack import free_ports
from tests.unit.routers.samples import model, route
from tests.weights import smollm2 as smollm2

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

SERVED_NAME = "smollm2"
OFFLINE = {
    "VLLM_TARGET_DEVICE": "cpu",
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the worker in the engine's process: one less that imports torch
    "OMP_NUM_THREADS": "1",  # which more threads than one would need it for
}
QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Name three colours."}]


@pytest.fixture(scope="module")
def vllm(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its base URL."""
    folder = tmp_path_factory.mktemp("vllm")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    # As a module: its command looks for a distribution that the CPU build does not have.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--model", str(smollm2), "--served-model-name", SERVED_NAME, "--dtype", "bfloat16", "--enforce-eager"]
    command += ["--max-num-seqs", "8", "--max-model-len", "1024"]
    with running(command, os.environ | OFFLINE, folder, f"{url}/health", seconds=600):
        yield url


@pytest.fixture(scope="module")
def mesh(vllm: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    """A client of a router whose only Model is that server."""
    documents: list[Document] = [
        model("assistant", "heavy", f"{vllm}/v1", servedName=SERVED_NAME),
        route("shop", light=[], heavy=["assistant"], resilience={"deadlineSeconds": 120}),
    ]
    with (
        RouterProcess(tmp_path_factory.mktemp("router"), documents) as router,
        openai.OpenAI(base_url=router.base_url, api_key="-", max_retries=0, timeout=120) as client,
    ):
        yield client


def test_a_chat_is_answered_and_counted(mesh: openai.OpenAI) -> None:
    raw = mesh.chat.completions.with_raw_response.create(model="shop", messages=QUESTION, max_tokens=12)
    answer = raw.parse()
    assert answer.choices[0].message.content
    assert answer.usage and 0 < answer.usage.completion_tokens <= 12
    assert raw.headers["x-tiermesh-model"] == "assistant" and raw.headers["x-tiermesh-tier"] == "heavy"


def test_a_streamed_chat_comes_in_pieces_and_says_why_it_ends(mesh: openai.OpenAI) -> None:
    stream = mesh.chat.completions.create(
        model="shop", messages=QUESTION, max_tokens=8, stream=True, stream_options={"include_usage": True}, seed=1
    )
    chunks = list(stream)
    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert len(pieces) > 1 and len(reasons) == 1
    assert chunks[-1].usage and chunks[-1].usage.completion_tokens >= len(pieces)


def test_a_completion_is_answered(mesh: openai.OpenAI) -> None:
    assert mesh.completions.create(model="shop", prompt="One, two,", max_tokens=4).choices[0].text


def test_what_vllm_refuses_is_refused_in_its_own_words(mesh: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="1024"):
        mesh.chat.completions.create(model="shop", messages=QUESTION, max_tokens=5000)


def test_a_caller_who_leaves_stops_vllm(mesh: openai.OpenAI, vllm: str) -> None:
    stream = mesh.chat.completions.create(
        model="shop", messages=QUESTION, max_tokens=900, stream=True, extra_body={"ignore_eos": True}
    )
    next(iter(stream))
    assert requests_running(vllm) == 1
    stream.close()
    deadline = time.monotonic() + 10  # 900 tokens take far longer
    while requests_running(vllm):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def requests_running(vllm: str) -> float:
    """What vLLM's own metrics say."""
    lines = httpx2.get(f"{vllm}/metrics", timeout=10).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("vllm:num_requests_running"))
