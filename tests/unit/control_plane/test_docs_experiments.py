"""docs/experiments.md and examples/experiments: the documents compile together, and what the page says is so."""

import re
import shlex
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from control_plane.cli.main import create_app
from control_plane.client.files import read_documents
from control_plane.outcomes.asking import MOST_NAMED
from control_plane.outcomes.register import MOST_OUTCOMES
from control_plane.spec.arms import Override, Unit
from control_plane.spec.compile import compile
from control_plane.spec.documents import Document, Experiment, parse
from control_plane.spec.metrics import BUILT_IN, Judge, Measured
from control_plane.spec.prompts import Pins
from control_plane.spec.sampling import Sampling
from routers import bench
from routers.judge import MOST_CHARACTERS
from routers.reasons import REASONS
from routers.sources import FileSource
from tests.unit.control_plane.samples import experiment
from tests.unit.routers.samples import pinned

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "experiments"
PAGE = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
_PINS = Pins({name: pinned("shop", template="Be brief.") for name in ("shop@next", "shop/1")})


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def names_in(table: str) -> set[str]:
    """What stands in the first column under a heading, as code."""
    rows = PAGE.split(f"| {table} | |\n|---|---|\n")[1].split("\n\n")[0]
    return {name for row in rows.splitlines() for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def mesh() -> list[Document]:
    """The Models and the Route of the examples."""
    return [one for one in read_documents(EXAMPLES) if one.kind in ("Model", "Route")]


def test_the_examples_run_side_by_side() -> None:
    (found,) = compile(read_documents(EXAMPLES), pins=_PINS).routes
    assert [trial.key for trial in found.trials] == ["Experiment/cheaper", "Experiment/judged", "Experiment/wording"]
    under_way = Pins(_PINS.prompts, weights={"Rollout/stronger": {"stable": 95, "candidate": 5}})
    assert len(compile(read_documents(EXAMPLES), pins=under_way).routes[0].trials) == 4


async def test_a_router_alone_serves_the_examples() -> None:
    found = await FileSource(EXAMPLES).next(None)
    assert found is not None
    _, judged, wording = found.snapshot.content.routes[0].trials
    assert wording.arms[1].prompt is not None
    assert [judge.model for judge in judged.judges] == ["jury"]


def test_the_pages_documents_compile() -> None:
    first, metrics, judged, last = snippets("yaml")
    documents = [parse(yaml.safe_load(text)) for text in (first, last)]
    assert compile([*mesh(), *documents], pins=_PINS).routes[0].trials
    for part in (metrics, judged):
        assert compile([*mesh(), parse(experiment(**yaml.safe_load(part)))], pins=_PINS).routes[0].trials


def test_the_pages_figures_about_judges_are_those_of_the_code() -> None:
    said = " ".join(PAGE.split("## Judged answers")[1].split("\n## ")[0].split())
    assert f"for at most {bench.SECONDS:g} s. {bench.MOST_AT_ONCE} at once and {bench.MOST_WAITING} in all" in said
    assert (
        f"last {MOST_CHARACTERS:,} characters of the question and the first {MOST_CHARACTERS:,} of the answer" in said
    )
    assert f"the Experiment goes on. {(MOST_NAMED - MOST_OUTCOMES) // 2} of them fit" in said
    assert all(f"`{name}" in PAGE for name in ("judge: {model, rubric, percent, constrained}", "constrained: true"))
    assert set(Judge.model_fields) == {"model", "rubric", "percent", "constrained"}


def test_the_pages_tables_name_all_that_there_is() -> None:
    assert names_in("`override`") >= set(Override.model_fields)
    sampling = {field.alias for field in Sampling.model_fields.values()}
    assert all(f"`{name}`" in PAGE for name in sampling)
    units: list[dict[str, Any]] = [yaml.safe_load(name) for name in names_in("`unit`")]
    assert {next(iter(Unit.model_validate(unit).model_dump(exclude_none=True))) for unit in units} == set(
        Unit.model_fields
    )
    assert names_in("reason") | {"no-unit", "sampling"} <= set(REASONS)
    assert names_in("`of`") == {one.value for one in Measured} - {"requests"}
    assert all(f"`{name}`" in PAGE for name in BUILT_IN)


def test_the_pages_example_is_an_experiment_that_runs() -> None:
    document = parse(yaml.safe_load(snippets("yaml")[0]))
    assert isinstance(document, Experiment)
    assert document.spec.running


def test_the_pages_commands_exist() -> None:
    for line in snippets("bash")[0].splitlines():
        program, *arguments = shlex.split(line)
        assert program == "tiermesh"
        words = [each for each in arguments[:2] if not each.startswith("-") and each != "experiments"]
        done = CliRunner().invoke(create_app(), [*words, "--help"])
        assert done.exit_code == 0, done.output
        for option in (each for each in arguments if each.startswith("--")):
            assert option in done.output
