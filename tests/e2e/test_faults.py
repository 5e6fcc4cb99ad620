"""Processes killed under load: what callers see, and that everything comes back by itself."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
import psutil
import pytest
import yaml

from launcher.processes import CONTROL_PLANE, MODELS, ROUTER
from tests.e2e.meshes import DELIVERY, ask, process, status
from tests.stack import Stack

_CALLERS = 2
_COUNTER = itertools.count()


@dataclass
class Answers:
    """What callers saw, in the order in which they saw it."""

    responses: list[httpx2.Response] = field(default_factory=list)
    cut: list[httpx2.TransportError] = field(default_factory=list)

    def failed(self) -> list[httpx2.Response]:
        return [response for response in self.responses if response.status_code != 200]


@contextmanager
def load(stack: Stack) -> Iterator[Answers]:
    """Callers that ask, one question after the other, until the block ends. No two questions are equal."""
    answers, stop = Answers(), threading.Event()

    def call() -> None:
        while not stop.is_set():
            try:
                answers.responses.append(ask(stack, f"{DELIVERY} ({next(_COUNTER)})", max_tokens=8))
            except httpx2.TransportError as error:
                answers.cut.append(error)
                stop.wait(0.05)

    callers = [threading.Thread(target=call) for _ in range(_CALLERS)]
    for caller in callers:
        caller.start()
    try:
        wait(lambda: len(answers.responses) >= 10)
        yield answers
        seen = len(answers.responses)
        wait(lambda: len(answers.responses) >= seen + 10)
    finally:
        stop.set()
        for caller in callers:
            caller.join()


def wait(condition: Callable[[], bool]) -> None:
    while not condition():  # the test's own time limit ends it
        time.sleep(0.1)


def kill(stack: Stack, name: str) -> None:
    """SIGKILL one process of the mesh and wait until the launcher has brought it back."""
    before = process(stack, name)
    os.kill(before["pid"], signal.SIGKILL)
    wait(lambda: process(stack, name)["restarts"] > before["restarts"])
    wait(lambda: all(each["ready"] for each in status(stack)["processes"]))


def test_callers_do_not_notice_that_the_control_plane_was_killed(stack: Stack) -> None:
    snapshots = stack.tiermesh("snapshot", "list", "-o", "json").stdout
    with load(stack) as answers:
        kill(stack, CONTROL_PLANE)
    assert answers.failed() == []
    assert answers.cut == []
    assert _numbers(stack.tiermesh("snapshot", "list", "-o", "json").stdout) == _numbers(snapshots)


def test_a_killed_router_comes_back_with_the_snapshot_it_had(stack: Stack) -> None:
    before = ask(stack, DELIVERY).headers["x-tiermesh-snapshot"]
    with load(stack) as answers:
        kill(stack, ROUTER)
    assert answers.failed() == []  # callers saw cut connections, and no wrong answer
    assert answers.responses[-1].headers["x-tiermesh-snapshot"] == before


def test_a_killed_replica_is_replaced_and_callers_see_answers_or_errors_that_say_to_retry(stack: Stack) -> None:
    def replicas() -> set[int]:
        below = psutil.Process(process(stack, MODELS)["pid"]).children(recursive=True)
        return {child.pid for child in below if "ServeReplica:faq" in " ".join(_command(child))}

    before = replicas()
    assert before
    with load(stack) as answers:
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait(lambda: bool(replicas() - before))
        wait(lambda: ask(stack, f"{DELIVERY} ({next(_COUNTER)})").headers.get("x-tiermesh-model") == "faq")
    assert answers.cut == []
    for response in answers.failed():
        assert response.status_code in (429, 502, 503), response.text
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert answers.responses[-1].status_code == 200


@pytest.mark.timeout(600)
def test_a_model_that_is_applied_starts_on_this_machine_and_one_that_is_deleted_stops(stack: Stack) -> None:
    document = yaml.safe_load(stack.tiermesh("get", "model", "faq", "-o", "yaml").stdout)
    file = stack.home / "second.yaml"
    file.write_text(yaml.safe_dump(document | {"metadata": {"name": "second"}}, allow_unicode=True), encoding="utf-8")
    stack.tiermesh("apply", "-f", str(file))
    wait(lambda: status(stack)["models"].get("second", {}).get("state") == "running")
    stack.tiermesh("delete", "model", "second")
    wait(lambda: "second" not in status(stack)["models"])


def _command(child: psutil.Process) -> list[str]:
    try:
        return child.cmdline()
    except psutil.Error:
        return []


def _numbers(listed: str) -> list[int]:
    return [snapshot["number"] for snapshot in yaml.safe_load(listed)]
