"""docs/prompts.md: its documents are read, and its commands run one after the other."""

import re
import shlex
from pathlib import Path

import orjson
import pytest
import yaml

from control_plane.settings import ControlPlaneSettings
from control_plane.spec.documents import Prompt, Route, parse
from routers.pipeline import match
from tests.integration.control_plane.cli.test_prompts import empty_registry as empty_registry
from tests.integration.control_plane.cli.test_prompts import settings as settings
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.routers.samples import call, pinned, prompted

PAGE = (Path(__file__).parents[4] / "docs" / "prompts.md").read_text(encoding="utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_documents_are_read_and_the_request_fits_them() -> None:
    prompt, route = (parse(yaml.safe_load(text)) for text in snippets("yaml"))
    assert isinstance(prompt, Prompt) and isinstance(route, Route) and route.spec.prompt
    (request,) = snippets("json")
    runtime = prompted(pinned(**prompt.spec.said()), variables=dict(route.spec.prompt.variables))
    found = match(call(orjson.loads(request)), runtime).prompted
    assert found is not None
    assert [one["content"] for one in found.call.fields["messages"]] == [
        "You help customers of Acme. Speak German.",
        "Where is my parcel?",
    ]


def test_the_commands_work_in_their_order(tiermesh: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("support.yaml").write_text(snippets("yaml")[0], encoding="utf-8")
    (commands,) = snippets("bash")
    for line in commands.splitlines():
        _, *arguments = shlex.split(line, comments=True)
        ran = tiermesh(*arguments)
        assert ran.code == 0, (line, ran.err)
    assert yaml.safe_load(Path("pulled.yaml").read_text()) == yaml.safe_load(snippets("yaml")[0])


def test_the_settings_are_those_there_are() -> None:
    for setting in re.findall(r"^\| `(?:TIERMESH_CONTROL_PLANE|…)_([A-Z_]+)`", PAGE, flags=re.MULTILINE):
        assert setting.lower() in ControlPlaneSettings.model_fields
