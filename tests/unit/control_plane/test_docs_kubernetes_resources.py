"""docs/kubernetes-resources.md: the document is valid, and the tables name all that there is."""

import re
from pathlib import Path

import yaml

from control_plane.spec import crds
from control_plane.spec.documents import parse
from control_plane.spec.scaling import Signal

PAGE = (Path(__file__).parents[3] / "docs" / "kubernetes-resources.md").read_text(encoding="utf-8")


def test_the_pages_document_is_one() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert parse(yaml.safe_load(text)).kind == "ScalingPolicy"


def test_the_pages_table_names_every_kind_and_its_short_name() -> None:
    names = [one["spec"]["names"] for one in crds.definitions().values()]
    said = set(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", PAGE, flags=re.MULTILINE))
    assert said == {(one["kind"], one["shortNames"][0]) for one in names}


def test_the_page_names_every_signal() -> None:
    table = PAGE.split("| signal |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)) == set(Signal)


def test_the_page_names_all_that_may_not_change() -> None:
    fixed = {
        (one["spec"]["names"]["kind"], rule["fieldPath"].removeprefix("."))
        for one in crds.definitions().values()
        for rule in one["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].get(
            "x-kubernetes-validations", ()
        )
        if "oldSelf" in rule["rule"]
    }
    assert fixed == {("Experiment", "route"), ("Rollout", "route"), ("ScalingPolicy", "model")}
    assert "changing the `route` of an Experiment or a Rollout, or the `model` of a ScalingPolicy" in PAGE
