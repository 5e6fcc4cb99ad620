"""Every command of the application, with what it prints for programs."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from control_plane.client.trials import TrialsClient
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.courses import Command as Steering
from control_plane.spec.errors import TiermeshError
from control_plane.spec.prompts import PromptSpec
from control_plane.spec.versions import Registration
from tests.control_plane_server import running
from tests.learned import saved
from tests.openai_stub import said, serving
from tests.registry import copied
from tests.registry import empty_registry as empty_registry
from tests.unit.control_plane.cli.admin_port import AdminPort
from tests.unit.control_plane.cli.commands import COMMANDS, Command
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.cli.conftest import run as run
from tests.unit.control_plane.decisions import written
from tests.unit.control_plane.evaluation.samples import FILE
from tests.unit.control_plane.samples import experiment, model, parsed, prompt, rollout, route, shop, tenant


@dataclass(frozen=True)
class There:
    """What the commands find."""

    folder: Path
    api: str
    router: str
    version: str
    """The URL of a model that answers."""

    @property
    def documents(self) -> Path:
        return self.folder / "documents.yaml"

    @property
    def prompts(self) -> Path:
        return self.folder / "prompts.yaml"

    @property
    def shop(self) -> Path:
        return self.folder / "shop.txt"

    @property
    def questions(self) -> Path:
        return self.folder / "questions.yaml"


@dataclass(frozen=True)
class Case:
    """What a command is given, and how it ends."""

    arguments: Callable[[There], tuple[object, ...]] = lambda _: ()
    code: int = 0


def _given(*arguments: object, code: int = 0) -> Case:
    return Case(lambda _: arguments, code)


_TOLD = ("promote", "pause", "resume", "abort")
"""What a Rollout is told; there is one for each, on a Route of its own."""
_ELSEWHERE = "it goes on until it is stopped: tests/e2e"
_ANOTHER = "it becomes another process: tests/unit/routers/learning and cache"
_CASES: Mapping[Command, Case | str] = {
    ("up",): _ELSEWHERE,
    ("router", "train"): _ANOTHER,
    ("router", "eval"): _ANOTHER,
    ("router", "replay"): _ANOTHER,
    ("router", "push"): Case(lambda there: (saved(there.folder),)),
    ("cache", "eval"): _ANOTHER,
    ("cache", "warm"): Case(
        lambda there: ("-f", there.shop, "--model", "weights", "--mesh", there.version, "--rate", 100)
    ),
    ("cache", "stats"): Case(lambda there: ("--router", there.router)),
    ("cache", "purge"): Case(lambda there: ("--all", "--router", there.router)),
    ("cache", "explain"): Case(lambda there: ("shop", "Where is it?", "--router", there.router)),
    ("control-plane",): _ELSEWHERE,
    ("down",): _given(),
    ("status",): _given(code=1),
    ("apply",): Case(lambda there: ("-f", there.documents)),
    ("get",): _given("models"),
    ("describe",): _given("model", "faq"),
    ("delete",): _given("tenant", "gone"),
    ("diff",): Case(lambda there: ("-f", there.prompts), code=1),
    ("export",): _given(),
    ("edit",): _given("tenant", "acme"),
    ("key", "create"): _given("acme", "--name", "new"),
    ("key", "list"): _given(),
    ("key", "revoke"): _given("acme", "old"),
    ("model", "list"): _given(),
    ("model", "describe"): _given("weights"),
    ("model", "register"): _given("others", "--source", "file:///weights", "--sha256", "0" * 64),
    ("model", "evaluate"): Case(lambda there: ("weights", 1, "--against", there.version, "-f", there.questions)),
    ("model", "promote"): _given("weights", 1, "--alias", "canary"),
    ("prompt", "list"): _given(),
    ("prompt", "push"): Case(lambda there: (there.prompts,)),
    ("prompt", "pull"): _given("support"),
    ("prompt", "diff"): _given("support/1", "support/2", code=1),
    ("prompt", "alias"): _given("support", "canary", 1),
    ("prompt", "render"): _given("support/1"),
    ("experiment", "list"): _given(),
    ("experiment", "results"): _given("wording"),
    ("experiment", "plan"): _given("wording", "--baseline", "errors=0.1"),
    ("experiment", "start"): _given("wording"),
    ("experiment", "stop"): _given("wording"),
    ("rollout", "list"): _given(),
    ("rollout", "status"): _given("pause"),
    **{("rollout", name): _given(name) for name in _TOLD},
    ("approval", "list"): _given(),
    ("approval", "approve"): _given(1),
    ("approval", "reject"): _given(2),
    ("snapshot", "list"): _given(),
    ("snapshot", "diff"): _given(1, 2, code=1),
    ("snapshot", "rollback"): _given(2),
    ("route", "explain"): Case(lambda there: ("shop", "Where is it?", "--router", there.router)),
    ("why",): Case(lambda there: ("order-7", "--router", there.router)),
    ("token", "create"): _given("new", "--grant", "viewer@default"),
    ("token", "list"): _given(),
    ("token", "revoke"): _given("old"),
    ("whoami",): _given(),
    ("audit", "list"): _given(),
    ("audit", "verify"): _given(),
    ("audit", "export"): _given(),
}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory, empty_registry: Path) -> Iterator[There]:
    """A control plane that holds something of each sort, a router's admin port, and a model that answers."""
    folder = tmp_path_factory.mktemp("commands")
    copied(empty_registry, folder / "home")
    settings = ControlPlaneSettings.load(home=folder / "home", port=0, admin_port=0)
    with running(settings) as addresses, AdminPort() as port, serving(_answer) as version:
        port.replies = {
            "/replay": {"same": True, "differences": [], "decision": {}},
            "/explain": {"candidates": ["faq"], "features": {}, "reasons": [], "cache": "miss"},
            "/cache": {"exact": [], "semantic": []},
            "/cache/purge": {"exact": 2, "semantic": 1},
        }
        found = There(folder, addresses.api, port.url, version.url)
        found.documents.write_text(yaml.safe_dump_all([model(version="2")]))
        found.prompts.write_text(yaml.safe_dump(prompt(template="Be brief.")))
        found.questions.write_text(FILE)
        found.shop.write_text("Where is it?")
        with TrialsClient(addresses.api) as client:
            _fill(client)
        yield found


def _answer(path: str, _body: object) -> tuple[int, Any]:
    """As a model that says nothing of its weights."""
    return (404, {}) if path == "models" else said("It is Paris, and 4.")


def _fill(client: TrialsClient) -> None:
    client.apply(parsed(*shop()), "alice")
    keys = [{"name": "old", "sha256": "0" * 64}]
    client.apply(parsed(tenant(keys=keys), tenant("gone"), prompt(template="Be kind.")), "alice")
    client.push_prompt("support", PromptSpec(template="Be kinder."), "alice")
    client.apply(parsed(experiment(state="draft"), *(route(name) for name in _TOLD)), "alice")
    client.apply(parsed(*(rollout(name, route=name, steps=[{"pause": {}}] * 4) for name in _TOLD)), "alice")
    for name in _TOLD:
        client.tell(name, Steering.PROMOTE, "alice")
    client.tell("resume", Steering.PAUSE, "alice")
    for version in (1, 2):
        with pytest.raises(TiermeshError, match="second person"):
            client.move_alias("support", "production", version, "alice")
    client.register("weights", Registration(source="file:///weights", sha256="0" * 64), "alice")
    client.create_token({"name": "old", "bindings": [{"role": "viewer", "namespace": "default"}]})
    client._call("POST", "/v1/decisions", json={"records": [written("order-7")]})


def test_there_is_a_case_for_every_command_and_for_no_other() -> None:
    assert set(COMMANDS) == set(_CASES)


@pytest.mark.parametrize("command", [one for one in COMMANDS if not isinstance(_CASES.get(one), str)], ids=" ".join)
def test_every_command_prints_json_and_nothing_else_where_that_is_asked_for(
    run: Run, there: There, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"SERVER": there.api, "HOME": str(there.folder / "none")}.items():
        monkeypatch.setenv(f"TIERMESH_{name}", value)
    monkeypatch.setenv("VISUAL", "true")
    case = _CASES[command]
    assert isinstance(case, Case)
    ran = run(*command, *case.arguments(there), "-o", "json")
    assert ran.code == case.code, ran.err
    assert json.loads(ran.out) is not None
