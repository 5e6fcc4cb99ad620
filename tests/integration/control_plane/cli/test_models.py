"""`tiermesh model …` against a control plane with a real registry, and a version that answers over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from control_plane.client.versions import VersionsClient
from control_plane.server import Addresses
from control_plane.settings import ControlPlaneSettings
from tests.openai_stub import Api, said, serving
from tests.registry import copied
from tests.registry import empty_registry as empty_registry
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.evaluation.samples import FILE
from tests.unit.control_plane.samples import generating, model


@pytest.fixture
def settings(empty_registry: Path, tmp_path: Path) -> ControlPlaneSettings:
    """With a registry of the test's own, in which no alias is protected."""
    copied(empty_registry, tmp_path / "home")
    return ControlPlaneSettings.load(home=tmp_path / "home", port=0, admin_port=0, protected_aliases=[])


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"1")
    return folder


@pytest.fixture
def version() -> Iterator[Api]:
    """Right about the capital, and right about the sum until a test says otherwise."""
    answers = {"What is the capital of France?": "It is Paris.", "What is 2 + 2?": "4"}

    def answer(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == "models":
            return 404, {}
        asked = body["messages"][0]["content"]
        return said(next(text for question, text in answers.items() if asked.startswith(question)))

    with serving(answer) as api:
        api.asked = []
        yield api


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A Model that follows `support@production` behind a gate, and its questions beside it."""
    (tmp_path / "questions.yaml").write_text(FILE, encoding="utf-8")
    gate = {"evaluation": "file://./questions.yaml", "thresholds": {"passRate": 1, "tags": {"geography": 1}}}
    following = generating(source="models:/support@production", gate=gate)
    file = tmp_path / "support.yaml"
    file.write_text(yaml.safe_dump_all([model(), following]), encoding="utf-8")
    return file


def test_a_version_goes_from_its_weights_to_production(
    tiermesh: Run, addresses: Addresses, weights: Path, version: Api, documents: Path
) -> None:
    registered = tiermesh("model", "register", "support", "--source", weights, "--base", "hf://Qwen/Qwen3-8B")
    assert registered.code == 0 and f"support/1 is registered: file://{weights}, sha256" in registered.out
    early = tiermesh("apply", "-f", documents)
    assert early.code == 1 and "Model 'support' has no alias 'production'" in early.err

    assert tiermesh("model", "promote", "support", 1).out == "support@production stands for version 1.\n"
    shut = tiermesh("apply", "-f", documents)
    assert shut.code == 1 and "has not been evaluated" in shut.err
    questions = documents.with_name("questions.yaml")
    evaluated = tiermesh("model", "evaluate", "support", 1, "--against", version.url, "-f", questions)
    assert evaluated.code == 0, evaluated.err
    assert "2 of 2" in evaluated.out and "0.224" in evaluated.out and "not said" in evaluated.out
    assert tiermesh("apply", "-f", documents).code == 0

    described = tiermesh("model", "describe", "support").out
    for part in ("production", "hf://Qwen/Qwen3-8B", "2 of 2", "assistant", "passRate 1, geography 1"):
        assert part in described
    with VersionsClient(addresses.api) as client:
        served = {one.metadata.name: one.spec for one in client.served_models()}["assistant"]
    assert (served.version, served.source) == ("1", f"file://{weights}")


def test_a_version_that_fails_is_not_promoted_and_its_questions_are_named(
    tiermesh: Run, weights: Path, version: Api, documents: Path
) -> None:
    for content in (b"1", b"2"):
        (weights / "model.safetensors").write_bytes(content)
        tiermesh("model", "register", "support", "--source", weights)
    tiermesh("model", "promote", "support", 1)
    tiermesh("model", "evaluate", "support", 1, "--against", version.url, "-f", documents.with_name("questions.yaml"))
    assert tiermesh("apply", "-f", documents).code == 0

    right = version.answers
    version.answers = lambda path, body: said("5") if path.startswith("chat") else right(path, body)
    failed = tiermesh("model", "evaluate", "support", 2, "--against", version.url)
    assert failed.code == 1
    assert "sum" in failed.out and "it is not '4'" in failed.out
    assert "gate shut: assistant: 0 of 2 questions (0.0%) passed, 100.0% are needed" in failed.err
    refused = tiermesh("model", "promote", "support", 2, "--reason", "hope")
    assert refused.code == 1 and "It failed: capital, sum." in refused.err

    version.answers = right
    assert tiermesh("model", "evaluate", "support", 2, "--against", version.url).code == 0
    promoted = tiermesh("model", "promote", "support", 2, "--reason", "shorter")
    assert "stands for version 2, and no longer for version 1" in promoted.out
    assert "It passed the gates of: assistant." in promoted.out and "is in force." in promoted.out


def test_a_server_with_other_weights_is_not_evaluated(tiermesh: Run, weights: Path, documents: Path) -> None:
    tiermesh("model", "register", "support", "--source", weights)
    card = {"id": "candidate", "tiermesh": {"sha256": "0" * 64}}
    with serving(lambda path, body: (200, {"data": [card]})) as api:
        wrong = tiermesh(
            "model", "evaluate", "support", 1, "--against", api.url, "--model", "candidate", "-f",
            documents.with_name("questions.yaml"),
        )  # fmt: skip
    assert wrong.code == 1 and "serves 'candidate' with weights 0000" in wrong.err


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_every_command_answers_programs_too(
    output: str, tiermesh: Run, weights: Path, version: Api, documents: Path
) -> None:
    questions = documents.with_name("questions.yaml")
    for command in (
        ("register", "support", "--source", weights),
        ("list",),
        ("describe", "support"),
        ("evaluate", "support", "1", "--against", version.url, "-f", questions),
        ("promote", "support", "1"),
    ):
        ran = tiermesh("model", *command, "-o", output)
        assert ran.code == 0, ran.err
        assert json.loads(ran.out) if output == "json" else yaml.safe_load(ran.out)
    assert "support" in tiermesh("model", "list").out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("register", "support", "--source", "https://x.test/a.tar"), "--sha256"),
        (("register", "support", "--source", "models:/other/1", "--sha256", "0" * 64), "must"),
        (("register", "support", "--source", "/no/such/folder"), "holds no file|no manifest"),
        (("register", "a/b", "--source", "https://x.test/a.tar", "--sha256", "0" * 64), "nothing at|pattern"),
        (("describe", "support"), "There is no model 'support'"),
        (("evaluate", "support", "1", "--against", "http://x.test/v1"), "There is no model 'support'"),
        (("promote", "support", "1", "--alias", "latest"), "reserved"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: tuple[str, ...], why: str, tiermesh: Run) -> None:
    ran = tiermesh("model", *arguments)
    assert ran.code == 1
    assert any(each in ran.err for each in why.split("|")), ran.err


def test_every_command_has_an_example(tiermesh: Run) -> None:
    for command in ("list", "describe", "register", "evaluate", "promote"):
        assert f"Example: tiermesh model {command}" in tiermesh("model", command, "--help").out
