"""Every right of the operator's Role is needed: whatever is taken away is missed, and the log names it.

Each namespace lacks a verb of all kinds at once, so that a few operators miss all rights.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import pytest
import yaml

from benchmarks.harness import every_kind
from benchmarks.harness.operator import Operator
from control_plane.spec.documents import API_VERSION
from control_plane.spec.errors import Code, TiermeshError
from operators.apply import Cluster as Writer
from operators.kinds import GROUP, KINDS, Object
from operators.lease import Holding
from operators.lease_store import LeaseStore
from tests.chart.rendering import of_kind, rendered
from tests.integration.kubernetes.mesh import ELSEWHERE, Mesh, until
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.generated import BASES, manifest

pytestmark = pytest.mark.timeout(300)

Right = tuple[str, str, str]
"""Group, resource, verb."""

_REFUSED = re.compile(
    r'cannot (\w+) resource \\*"([\w/]+)\\*" in API group \\*"([\w.]*)\\*" in the namespace \\*"([\w-]+)'
)
OWNERS = ("Model", "Route")
"""The kinds for which something is made."""
UNSEEN = {(GROUP, f"{KINDS[kind]}/finalizers", "update") for kind in OWNERS}
"""Asked for by an admission plugin (OwnerReferencesPermissionEnforcement) that not every cluster has."""
DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")


def _rights(rules: Iterable[Object]) -> set[Right]:
    return {right for rule in rules for right in product(rule["apiGroups"], rule["resources"], rule["verbs"])}


def _everywhere() -> list[Object]:
    """The rules of the chart, of an operator of the whole cluster."""
    roles = {one["metadata"]["name"]: one["rules"] for one in of_kind(rendered({}), "ClusterRole")}
    (found,) = (rules for name, rules in roles.items() if name.endswith("tiermesh-operator"))
    return list(found)


def _roles() -> tuple[list[Object], list[Object]]:
    """The rules of the chart: in a namespace where it works, and of its Lease."""
    objects = rendered({"operator": {"namespaces": ["a"]}})
    roles = {one["metadata"]["name"]: one["rules"] for one in of_kind(objects, "Role")}
    return roles["tiermesh-operator"], roles["tiermesh-operator-lease"]


def _without(rules: Iterable[Object], lacks: Callable[[Right], bool]) -> list[Object]:
    return [
        {**rule, "apiGroups": [group], "resources": [resource], "verbs": [verb]}
        for rule in rules
        for group, resource, verb in sorted(_rights([rule]))
        if not lacks((group, resource, verb))
    ]


def _of_children(verb: str) -> Callable[[Right], bool]:
    return lambda right: right[0] != GROUP and right[2] == verb


LACKING: dict[str, Callable[[Right], bool]] = {
    "nothing": lambda right: False,
    "create": _of_children("create"),  # of Events too
    "patch": _of_children("patch"),
    "delete": _of_children("delete"),
    "holding": lambda right: right[0] == GROUP and right[2] == "patch" and "/" not in right[1],
    "status": lambda right: right[1].endswith("/status"),
    "list": lambda right: right[2] == "list",
    "watch": lambda right: right[2] == "watch",
    "get": lambda right: right[2] == "get",
    "update": lambda right: right[2] == "update",
}
"""A namespace each."""
WRITING = ("nothing", "create", "patch", "delete", "holding", "status")


class Restricted:
    """An account, and a namespace for each thing that it may not do there."""

    def __init__(self, mesh: Mesh, folder: Path) -> None:
        self.mesh = mesh
        mesh.kubectl("create", "serviceaccount", "operator")
        rules, lease = _roles()
        objects = []
        for name, lacks in LACKING.items():
            namespace = self.namespace(name)
            objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            objects += _bound(namespace, mesh.namespace, _without([*rules, *lease], lacks))
        mesh.cluster.kubectl("apply", "--validate=false", "-f", "-", text=yaml.safe_dump_all(objects))
        self.kubeconfig = folder / "kubeconfig"
        config = yaml.safe_load(mesh.cluster.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": mesh.kubectl("create", "token", "operator").strip()}
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def namespace(self, lacking: str) -> str:
        """Where that is what it lacks."""
        return f"{self.mesh.namespace}-{lacking}"

    def within(self, lacking: str) -> Mesh:
        """The same namespace, for somebody who may do everything."""
        return replace(self.mesh, namespace=self.namespace(lacking))

    @property
    def cluster(self) -> Cluster:
        """As the account reaches it."""
        return replace(self.mesh.cluster, kubeconfig=self.kubeconfig)

    def operator(self, name: str, *lacking: str, **settings: object) -> Operator:
        """An operator of these namespaces, by that account."""
        where = {"namespaces": ",".join(map(self.namespace, lacking)), "lease_namespace": self.namespace(lacking[0])}
        return replace(self.mesh, cluster=self.cluster).operator(name, **where | settings)

    @contextmanager
    def everywhere(self, rules: list[Object], name: str) -> Iterator[Operator]:
        """An operator of all namespaces, by that account, which may do this in all of them."""
        role, binding = (
            {**one, "kind": f"Cluster{one['kind']}", "metadata": {"name": self.mesh.namespace}}
            for one in _bound("", self.mesh.namespace, rules)
        )
        binding["roleRef"] = {**binding["roleRef"], "kind": role["kind"], "name": self.mesh.namespace}
        text = yaml.safe_dump_all([role, binding])
        self.mesh.cluster.kubectl("apply", "--validate=false", "-f", "-", text=text)
        try:
            # It is the manager of no document that anybody has.
            with self.operator(name, "nothing", namespaces="", manager=name) as operator:
                yield operator
        finally:
            self.mesh.cluster.kubectl("delete", "-f", "-", text=text)


def _bound(namespace: str, accounts: str, rules: list[Object]) -> Iterator[Object]:
    metadata = {"name": "operator", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"}
    subjects = [{"kind": "ServiceAccount", "name": "operator", "namespace": accounts}]
    version = "rbac.authorization.k8s.io/v1"
    yield {"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": rules}
    yield {"apiVersion": version, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": subjects}


@pytest.fixture
def restricted(mesh: Mesh, tmp_path: Path) -> Iterator[Restricted]:
    found = Restricted(mesh, tmp_path)
    yield found
    mesh.cluster.remove(*map(found.namespace, LACKING))


def _refused(*operators: Operator) -> dict[str, set[Right]]:
    """What the logs name as missing, by namespace."""
    found: dict[str, set[Right]] = {}
    for operator in operators:
        for verb, resource, group, namespace in _REFUSED.findall(operator.log.read_text()):
            found.setdefault(namespace, set()).add((group, resource, verb))
    return found


def _asked(lacking: str) -> set[Right]:
    """The rights that are missing there, and that something here asks for."""
    rules, _ = _roles()
    return {right for right in _rights(rules) if LACKING[lacking](right)} - UNSEEN


def _not_missed(restricted: Restricted, lacking: str, *operators: Operator) -> set[Right]:
    """What is lacking there, and no log has named yet."""
    return _asked(lacking) - _refused(*operators).get(restricted.namespace(lacking), set())


def _apply_everything(restricted: Restricted) -> None:
    """Of each kind of document one, in each namespace."""
    for lacking in WRITING:
        mesh = restricted.within(lacking)
        for name, spec in every_kind.MODELS.items():
            mesh.apply("Model", name, spec)
        mesh.put(*(manifest(kind, "first", specs[0]) for kind, specs in BASES.items() if kind != "Model"))


def _move_elsewhere(restricted: Restricted) -> None:
    """The cluster need not run any of the Models any more."""
    for lacking in ("nothing", "delete"):
        mesh = restricted.within(lacking)
        for name, spec in every_kind.MODELS.items():
            mesh.apply("Model", name, {**spec, "url": ELSEWHERE["url"]})


def _write_everything(restricted: Restricted) -> dict[str, set[Right]]:
    """An operator makes all that it ever makes, with KEDA and without, and deletes it; what it was refused, by what
    was lacking."""
    settings = [every_kind.settings(ignored) for ignored in ("", "ScaledObject")]
    first, second = (restricted.operator(f"writer-{number}", *WRITING, **one) for number, one in enumerate(settings))
    whole, undeleted = restricted.within("nothing"), restricted.within("delete")
    _apply_everything(restricted)
    with first as operator:
        operator.wait()
        until(undeleted.kinds_made, lambda kinds: kinds >= every_kind.KINDS - {every_kind.SCALER})
        for lacking in ("create", "patch"):  # the second does not use KEDA
            left = partial(_not_missed, restricted, lacking, first)
            until(left, lambda rights: not any("keda.sh" in right for right in rights))
    with second as operator:
        operator.wait()
        until(undeleted.kinds_made, lambda kinds: kinds == every_kind.KINDS)
        _move_elsewhere(restricted)
        until(whole.kinds_made, lambda kinds: kinds == {"HTTPRoute"})  # a Route has one too
        for lacking in WRITING:
            until(partial(_not_missed, restricted, lacking, first, second), lambda left: not left)
    found = _refused(first, second)
    return {lacking: found.get(restricted.namespace(lacking), set()) for lacking in WRITING}


def test_no_right_is_left_out_here() -> None:
    rights = _rights(_roles()[0])
    assert rights == {right for right in rights if any(lacks(right) for lacks in LACKING.values())}
    assert {right for right in rights if right[2] == "get"} == {(GROUP, kind, "get") for kind in KINDS.values()}
    assert {right for right in rights if right[2] == "update"} == UNSEEN


def test_each_right_is_missed_where_it_is_lacking_and_nothing_is_where_none_is(restricted: Restricted) -> None:
    with ExitStack() as stack:
        readers = {verb: stack.enter_context(restricted.operator(verb, verb)) for verb in ("list", "watch")}
        refused = _write_everything(restricted)
        for verb, reader in readers.items():
            until(partial(_not_missed, restricted, verb, reader), lambda left: not left)
    assert refused == {lacking: _asked(lacking) for lacking in WRITING}
    undeleted = restricted.within("delete")
    owners = [one["metadata"]["ownerReferences"] for one in undeleted.made()]
    assert {owner["kind"] for (owner,) in owners} == {*OWNERS}


def test_what_an_admission_plugin_asks_of_who_makes_something_for_an_owner_is_answered_by_its_right(
    restricted: Restricted,
) -> None:
    def may(lacking: str, kind: str) -> str:
        question = "auth", "can-i", "update", f"{KINDS[kind]}.{GROUP}", "--subresource=finalizers"
        return restricted.cluster.run("kubectl", "-n", restricted.namespace(lacking), *question).stdout.strip()

    found = {(lacking, kind): may(lacking, kind) for lacking in ("nothing", "update") for kind in OWNERS}
    assert found == {(lacking, kind): "yes" if lacking == "nothing" else "no" for lacking, kind in found}


def test_an_operator_of_the_whole_cluster_may_no_more_than_follow_what_is_installed_and_misses_each_verb_of_that(
    restricted: Restricted,
) -> None:
    more = _rights(_everywhere()) - _rights(_roles()[0])
    assert more == {(*DEFINITIONS, verb) for verb in ("list", "watch")}
    for lacking in ("list", "watch"):
        rest = [
            {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
            for group, resource, verb in more - {(*DEFINITIONS, lacking)}
        ]
        with restricted.everywhere(rest, f"lacks-{lacking}") as operator:
            until(operator.log.read_text, partial(re.search, rf"cannot {lacking} resource .*customresourcedefinitions"))


async def test_what_is_read_or_led_by_needs_its_right_too(restricted: Restricted) -> None:
    writer = Writer(restricted.cluster.config)
    try:
        for kind in KINDS:
            with pytest.raises(TiermeshError, match="cannot get resource") as refused:
                await writer.read(API_VERSION, kind, restricted.namespace("get"), "first")
            assert refused.value.code is Code.FORBIDDEN
            assert await writer.read(API_VERSION, kind, restricted.namespace("nothing"), "first") is None
        for verb in ("get", "create", "update"):
            with pytest.raises(TiermeshError, match=f"cannot {verb} resource .*leases"):
                await _lead(LeaseStore(writer, restricted.namespace(verb), "tiermesh-operator"))
        await _lead(LeaseStore(writer, restricted.namespace("nothing"), "tiermesh-operator"))
    finally:
        await writer.close()


async def _lead(store: LeaseStore) -> None:
    """What an operator does with its Lease: look, make it, renew it."""
    await store.read()
    await store.write(await store.write(Holding("operator-1", 15)))
