"""docs/models.md: its documents compile, its questions are read, its commands exist and its figures hold."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from control_plane.cli.main import create_app
from control_plane.evaluation import questions
from control_plane.spec.compile import compile
from control_plane.spec.documents import parse
from control_plane.spec.models import ModelSpec
from control_plane.spec.prompts import Pins
from control_plane.stats.bounds import lower_bound
from tests.unit.control_plane.spec.test_served import pins

DOCS = Path(__file__).parents[3] / "docs" / "models.md"
TEXT = DOCS.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


def test_the_document_compiles() -> None:
    document, adapters, _ = blocks("yaml")
    (backend,) = compile([parse(yaml.safe_load(document))], pins=Pins({}, pins().models)).backends
    assert backend.weights and backend.weights.reference == "models:/support@production"
    spec = {**yaml.safe_load(adapters)["spec"], "tier": "heavy"}
    assert [adapter.name for adapter in ModelSpec.model_validate(spec).adapters] == ["legal", "tone"]


def test_the_questions_are_read() -> None:
    found = questions.read(blocks("yaml")[2].encode(), "questions.yaml")
    assert [item.id for item in found.items] == ["capital", "sum", "delivery", "polite"]


def test_the_commands_exist() -> None:
    for line in blocks("console")[0].splitlines():
        program, *arguments = shlex.split(line.removeprefix("$ "))
        assert program == "tiermesh"
        done = CliRunner().invoke(create_app(), [*arguments[:2], "--help"])
        assert done.exit_code == 0
        for option in (each for each in arguments if each.startswith("--")):
            assert option in done.output


@pytest.mark.parametrize(("asked", "bound"), [(10, 0.74), (59, 0.95)])
def test_the_figures_hold(asked: int, bound: float) -> None:
    assert lower_bound(asked, asked) == pytest.approx(bound, abs=0.005)
    assert f"all of {asked}" in TEXT and f"{bound}" in TEXT
