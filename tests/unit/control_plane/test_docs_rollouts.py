"""docs/rollouts.md and examples/rollouts: the documents compile, and what the page says is so."""

import re
import shlex
from pathlib import Path

import yaml
from typer.testing import CliRunner

from control_plane.cli.main import create_app
from control_plane.client.files import read_documents
from control_plane.spec.arming import key_of
from control_plane.spec.arms import Override
from control_plane.spec.compile import compile
from control_plane.spec.courses import Command, Phase, Why
from control_plane.spec.documents import Rollout, parse
from control_plane.spec.prompts import Pins, RoutePrompt
from control_plane.spec.rollouts import Step
from control_plane.stats.verdict import Code
from tests.unit.routers.samples import pinned

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "rollouts"
PAGE = (ROOT / "docs" / "rollouts.md").read_text(encoding="utf-8")
EXPERIMENTS = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
_WEIGHTS = {"stable": 90, "candidate": 10}


def snippets(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def names_in(table: str, page: str = PAGE) -> set[str]:
    """What stands in the first column under a heading, as code."""
    rows = page.split(f"| {table} |")[1].split("\n|---|---|\n")[1].split("\n\n")[0]
    return {name for row in rows.splitlines() for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def _under_way(rollout: Rollout) -> Pins:
    """As the Rollout is once it has begun."""
    prompts = {name: pinned("shop", template="Be brief.") for name in ("shop@production", "shop/4")}
    override = Override(prompt=RoutePrompt.model_validate({"name": "shop", "version": 4}))
    overrides = {} if rollout.spec.override else {key_of(rollout): override}
    return Pins(prompts, weights={key_of(rollout): _WEIGHTS}, overrides=overrides)


def test_the_examples_and_the_pages_documents_give_their_route_arms() -> None:
    documents = read_documents(EXAMPLES)
    found = [one for one in documents if isinstance(one, Rollout)]
    found += [one for text in snippets("yaml") if isinstance(one := parse(yaml.safe_load(text)), Rollout)]
    assert len(found) == 4
    mesh = [one for one in documents if not isinstance(one, Rollout)]
    for rollout in found:
        (route,) = compile([*mesh, rollout], pins=_under_way(rollout)).routes
        assert [arm.name for trial in route.trials for arm in trial.arms] == ["stable", "candidate"]


def test_the_pages_tables_name_all_that_there_is() -> None:
    steps = {field.alias for field in Step.model_fields.values()}
    assert {name.split(":")[0] for name in names_in("step")} == steps
    assert names_in("state") == {phase.value for phase in Phase}
    assert names_in("command") == {command.value for command in Command}
    assert names_in("reason") == {why.value for why in Why}
    assert names_in("verdict", EXPERIMENTS) == {code.value for code in Code}


def test_the_pages_commands_exist() -> None:
    (page,) = snippets("bash")
    results = snippets("bash", EXPERIMENTS)[1]
    for line in (page + results).splitlines():
        program, *arguments = shlex.split(line)
        assert program == "tiermesh"
        words = arguments[: 1 if arguments[0] == "apply" else 2]
        done = CliRunner().invoke(create_app(), [*words, "--help"])
        assert done.exit_code == 0, done.output
        for option in (each for each in arguments if each.startswith("--")):
            assert option in done.output
