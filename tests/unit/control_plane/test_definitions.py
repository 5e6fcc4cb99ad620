"""The custom resource definitions in the chart are those of the published language, and Kubernetes can take them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from control_plane import definitions
from control_plane.spec import crds
from control_plane.spec.documents import PLURALS

CHARTED = Path(__file__).parents[3] / "charts" / "tiermesh" / "files" / "crds"


@pytest.fixture(scope="module")
def defined() -> dict[str, dict[str, Any]]:
    return crds.definitions()


@pytest.fixture(params=sorted(PLURALS))
def definition(request: pytest.FixtureRequest, defined: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return defined[request.param]


def test_the_charts_definitions_are_those_of_the_published_language() -> None:
    charted = {file.name: file.read_text(encoding="utf-8") for file in CHARTED.iterdir()}
    assert charted == definitions.texts(), "run `make generate`"


def test_a_file_of_a_kind_that_is_gone_goes_too(tmp_path: Path) -> None:
    (tmp_path / "pods.yaml").write_text("kind: CustomResourceDefinition")
    definitions.main(tmp_path)
    assert {file.stem for file in tmp_path.iterdir()} == set(PLURALS)


def _version(definition: dict[str, Any]) -> dict[str, Any]:
    (version,) = definition["spec"]["versions"]
    found: dict[str, Any] = version
    return found


def _nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _nodes(inner, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield from _nodes(schema[word], f"{path}[]")


def _all_nodes(definition: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return list(_nodes(_version(definition)["schema"]["openAPIV3Schema"]))


def test_every_node_has_a_type_and_no_word_that_kubernetes_does_not_know(definition: dict[str, Any]) -> None:
    for path, node in _all_nodes(definition):
        assert isinstance(node.get("type"), str), path
        unknown = {"$ref", "anyOf", "const", "title", "patternProperties", "propertyNames", "uniqueItems"} & set(node)
        assert not unknown, path
        assert not ("properties" in node and "additionalProperties" in node), path


def test_nothing_that_people_write_has_a_default(definition: dict[str, Any]) -> None:
    found = [path for path, node in _all_nodes(definition) if "default" in node]
    assert found == [".status", ".status.conditions"]


def test_whose_fault_a_rule_says_it_is_is_a_field_of_its_object(definition: dict[str, Any]) -> None:
    for path, node in _all_nodes(definition):
        for rule in node.get("x-kubernetes-validations", ()):
            inner = node
            for name in filter(None, rule.get("fieldPath", "").split(".")):
                inner = inner["properties"][name]
            assert "\n" not in rule["message"] and len(rule["message"]) <= 500, path


def test_no_text_is_refused_by_a_pattern_that_says_no_cure(definition: dict[str, Any]) -> None:
    found = [path for path, node in _all_nodes(definition) if path.startswith(".spec") and {"pattern", "not"} & {*node}]
    assert not found, "say in control_plane/spec/rules/texts.py what it must be"


def test_every_kind_is_found_shown_and_kept_like_the_others(definition: dict[str, Any]) -> None:
    names, version = definition["spec"]["names"], _version(definition)
    assert (names["categories"], len(names["shortNames"])) == (["tiermesh"], 1)
    assert version["subresources"]["status"] == {}
    assert ("scale" in version["subresources"]) == (names["kind"] == "Model")
    assert [column["name"] for column in version["additionalPrinterColumns"]][-3:] == ["Snapshot", "Message", "Age"]
    assert "suspend" in version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]


def test_no_two_kinds_share_a_short_name() -> None:
    short = [one["spec"]["names"]["shortNames"][0] for one in crds.definitions().values()]
    assert len(set(short)) == len(short)


def test_what_null_means_something_in_may_be_null_and_nothing_else() -> None:
    (routes,) = (one for plural, one in crds.definitions().items() if plural == "routes")
    nullable = {path for path, node in _all_nodes(routes) if node.get("nullable")}
    ladder = ".spec.resilience.ladder"
    assert nullable == {f"{ladder}.{rung}" for rung in ("light", "cacheOnly", "canned", "refuse")}


def test_lists_that_are_keyed_by_a_name_are_maps() -> None:
    found = {
        (plural, path): node["x-kubernetes-list-map-keys"]
        for plural, one in crds.definitions().items()
        for path, node in _all_nodes(one)
        if path.startswith(".spec") and "x-kubernetes-list-map-keys" in node
    }
    assert found == {
        ("experiments", ".spec.arms"): ["name"],
        ("experiments", ".spec.guardrails"): ["metric"],
        ("experiments", ".spec.metrics"): ["name"],
        ("models", ".spec.adapters"): ["name"],
        ("rollouts", ".spec.guardrails"): ["metric"],
        ("rollouts", ".spec.metrics"): ["name"],
        ("scalingpolicies", ".spec.signals"): ["metric"],
        ("tenants", ".spec.keys"): ["name"],
    }


def test_a_description_says_what_stands_for_what_is_left_out() -> None:
    models = dict(_all_nodes(crds.definitions()["models"]))
    assert models[".spec.replicas.min"]["description"] == "Default: 1."
    assert models[".spec.faq.quantization"]["description"].endswith("Default: int4.")
