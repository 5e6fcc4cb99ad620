"""Two LoRA adapters and their base in one vLLM replica, chosen by each request."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psutil
import pytest
import yaml

from tests.stack import Stack

ANSWERING = {"base": "assistant", "first": "assistant:first", "second": "assistant:second"}
QUESTION = "What is the capital of France?"


@pytest.fixture(scope="module")
def routes(stack: Stack) -> Iterator[None]:
    """A Route to each of the three."""
    documents = [
        {
            "apiVersion": "tiermesh.dev/v1alpha1",
            "kind": "Route",
            "metadata": {"name": name},
            "spec": {"tiers": {"heavy": [model]}, "cache": {"exact": {"enabled": False}}},
        }
        for name, model in ANSWERING.items()
    ]
    file = stack.home / "adapters.yaml"
    file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    stack.tiermesh("apply", "-f", str(file))
    yield
    for name in ANSWERING:
        stack.tiermesh("delete", "route", name)


def ask(stack: Stack, route: str) -> httpx2.Response:
    """One greedy answer."""
    body = {"model": route, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 12, "temperature": 0}
    # The router serves the new Routes a moment after they are applied.
    deadline = time.monotonic() + 30
    answer = httpx2.post(f"{stack.router}/chat/completions", json=body, timeout=120)
    while answer.status_code == 404 and time.monotonic() < deadline:
        time.sleep(0.1)
        answer = httpx2.post(f"{stack.router}/chat/completions", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    return answer


def said(answer: httpx2.Response) -> str:
    text = answer.json()["choices"][0]["message"]["content"]
    assert isinstance(text, str) and text
    return text


def test_each_request_chooses_the_base_or_one_of_its_adapters(stack: Stack, routes: None) -> None:
    answers = {name: ask(stack, name) for name in ANSWERING}
    assert {name: answer.headers["x-tiermesh-model"] for name, answer in answers.items()} == ANSWERING
    assert len({said(answer) for answer in answers.values()}) == 3
    assert "Paris" in said(answers["base"])


def test_requests_to_different_adapters_share_a_batch_and_keep_apart(stack: Stack, routes: None) -> None:
    alone = {name: said(ask(stack, name)) for name in ANSWERING}
    assert len({text[:3] for text in alone.values()}) == 3, alone
    wanted = [*ANSWERING] * 3
    with ThreadPoolExecutor(len(wanted)) as pool:
        together = list(pool.map(lambda name: said(ask(stack, name)), wanted))
    # Greedy answers may part at a near-tie where batches differ: how they begin is what tells them apart.
    for name, text in zip(wanted, together, strict=True):
        assert text[:3] == alone[name][:3], (name, text, alone)


def test_one_replica_serves_all_three(stack: Stack, routes: None) -> None:
    family = psutil.Process(stack.launcher.pid).children(recursive=True)
    replicas = [one for one in family if "ServeReplica:assistant" in " ".join(one.cmdline())]
    assert len(replicas) == 1
    listed = httpx2.get(f"{stack.models}/assistant/v1/models", timeout=30).json()["data"]
    assert [card["id"] for card in listed] == ["assistant", "assistant:first", "assistant:second"]
