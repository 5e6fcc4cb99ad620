"""The operator may do what its code does, and nothing else."""

from collections.abc import Iterable
from itertools import product

import pytest

from operators.kinds import EVERYWHERE, GROUP, KINDS, group_of, plural
from operators.render import KNOWN
from tests.chart.rendering import NAMESPACE, Object, of_kind, pods, rendered
from tests.chart.samples import SAMPLES

Allowed = set[tuple[str, str, str]]
"""Group, resource, verb."""

FOLLOWED = {"list", "watch"}
MADE = FOLLOWED | {"create", "patch", "delete"}


def _allowed(rules: Iterable[Object]) -> Allowed:
    found: Allowed = set()
    for rule in rules:
        found |= set(product(rule["apiGroups"], rule["resources"], rule["verbs"]))
    return found


def _needed() -> Allowed:
    """What the operator does in the namespaces where it works."""
    documents = set(product([GROUP], KINDS.values(), {"get", "patch"} | FOLLOWED))
    for kind in KINDS.values():
        documents |= {(GROUP, f"{kind}/status", "patch")}
    documents |= {(GROUP, f"{kind}/finalizers", "update") for kind in ("models", "routes")}  # what they own names them
    versions = {**EVERYWHERE, **{kind: known[0] for kind, known in KNOWN.items()}}
    made = {(group_of(version), plural(kind)) for kind, version in versions.items()}
    return documents | {(*one, verb) for one in made for verb in MADE} | {("", "events", "create")}


def test_everywhere_the_operator_may_do_what_it_does_and_see_what_is_installed() -> None:
    (role,) = (
        one
        for one in of_kind(rendered(SAMPLES["as it comes"]), "ClusterRole")
        if "uninstall" not in one["metadata"]["name"]
    )
    seen = set(product(["apiextensions.k8s.io"], ["customresourcedefinitions"], FOLLOWED))
    assert _allowed(role["rules"]) == _needed() | seen


def test_in_listed_namespaces_it_has_the_same_and_no_role_of_the_cluster() -> None:
    objects = rendered(SAMPLES["for a company"])
    assert not of_kind(objects, "ClusterRole") and not of_kind(objects, "ClusterRoleBinding")
    roles = {
        one["metadata"]["namespace"]: one
        for one in of_kind(objects, "Role")
        if one["metadata"]["name"] == "tiermesh-operator"
    }
    assert set(roles) == {"shop", "search"}
    assert all(_allowed(role["rules"]) == _needed() for role in roles.values())


@pytest.mark.parametrize("sample", ["as it comes", "for a company"])
def test_of_leases_it_may_touch_its_own(sample: str) -> None:
    roles = of_kind(rendered(SAMPLES[sample]), "Role")
    (lease,) = (one for one in roles if one["metadata"]["name"].endswith("-lease"))
    assert lease["metadata"]["namespace"] == NAMESPACE
    create, others = lease["rules"]
    assert (create["verbs"], others["verbs"]) == (["create"], ["get", "update"])
    assert others["resourceNames"] == ["tiermesh-operator"]


def test_the_job_before_the_end_may_delete_only_where_it_shall() -> None:
    for keep in (True, False):
        objects = rendered({"crds": {"install": False, "keep": keep}})
        (role,) = (one for one in of_kind(objects, "ClusterRole") if "uninstall" in one["metadata"]["name"])
        verbs = {verb for _, _, verb in _allowed(role["rules"])}
        assert verbs == {"get", "list", "patch"} | (set() if keep else {"delete"})
        (stop,) = (one for one in of_kind(objects, "Role") if one["metadata"]["name"] == "tiermesh-uninstall")
        assert _allowed(stop["rules"]) == set(product(["apps"], ["deployments", "deployments/scale"], ["get", "patch"]))
        assert all(rule["resourceNames"] == ["tiermesh-operator"] for rule in stop["rules"])


@pytest.mark.parametrize("values", SAMPLES.values(), ids=SAMPLES)
def test_no_role_reads_secrets_or_says_everything(values: Object) -> None:
    objects = rendered(values)
    for role in [*of_kind(objects, "Role"), *of_kind(objects, "ClusterRole")]:
        for group, resource, verb in _allowed(role["rules"]):
            assert "*" not in (group, resource, verb)
            assert resource not in ("secrets", "pods/exec", "serviceaccounts/token")


@pytest.mark.parametrize("values", SAMPLES.values(), ids=SAMPLES)
def test_every_account_that_is_bound_or_runs_a_pod_is_there_or_named_in_values(values: Object) -> None:
    objects = rendered(values)
    accounts = {one["metadata"]["name"] for one in of_kind(objects, "ServiceAccount")} | {"default", "somebody"}
    bindings = [*of_kind(objects, "RoleBinding"), *of_kind(objects, "ClusterRoleBinding")]
    assert {subject["name"] for one in bindings for subject in one["subjects"]} <= accounts
    assert {pod["spec"].get("serviceAccountName", "default") for _, pod in pods(objects)} <= accounts
    roles = {(one["kind"], one["metadata"]["name"]) for one in objects if one["kind"].endswith("Role")}
    assert {(one["roleRef"]["kind"], one["roleRef"]["name"]) for one in bindings} == roles
