"""Documents of a namespace know each other alone; routers know them all."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.compile import compile
from control_plane.spec.documents import in_namespace, parse
from control_plane.spec.errors import TiermeshError
from control_plane.spec.memory import Memory
from control_plane.spec.snapshots import Content, digest
from tests.unit.control_plane.samples import generating, model, parsed, route, shop, tenant


def _of(namespace: str, *documents: dict[str, Any]) -> list[dict[str, Any]]:
    return [in_namespace(document, namespace) for document in documents]


def _compile(*documents: dict[str, Any]) -> Content:
    return compile(parsed(*documents), "http://serve")


def test_names_of_another_namespace_carry_it() -> None:
    resilience = {"fallbacks": ["spare"], "mirror": {"model": "shadow", "share": 0.1}}
    spare, shadow = (model(name, version="2") for name in ("spare", "shadow"))
    content = _compile(*_of("team", *shop()[:2], spare, shadow, route(resilience=resilience)))
    (found,) = content.routes
    assert (found.name, found.model) == ("team/shop", "team/shop")
    assert (found.light, found.heavy) == (("team/faq",), ("team/assistant",))
    assert found.resilience.fallbacks == ("team/spare",)
    assert found.resilience.mirror is not None
    assert found.resilience.mirror.model == "team/shadow"
    backends = {backend.name: backend for backend in content.backends}
    assert (backends["team/faq"].served_name, backends["team/faq"].urls) == ("team/faq", ("http://serve/team_faq/v1",))
    assert Content.model_validate_json(content.model_dump_json()) == content


def test_what_runs_elsewhere_keeps_the_name_it_has_there() -> None:
    (backend,) = _compile(
        *_of("team", generating(engine="openai", source=None, generation=None, url="http://h/v1"))
    ).backends
    assert (backend.name, backend.served_name) == ("team/assistant", "assistant")


def test_the_same_names_in_two_namespaces_are_two_documents() -> None:
    content = _compile(*shop(), *_of("team", model(version="2"), generating(), route()))
    assert [one.name for one in content.routes] == ["shop", "team/shop"]
    assert [one.version for one in content.backends] == ["1", "1", "1", "2"]
    alone = _compile(*shop())
    assert content.routes[0] == alone.routes[0]
    assert content.routes[1].revision != content.routes[0].revision


@pytest.mark.parametrize(
    ("documents", "field", "message"),
    [
        (
            [*shop(), *_of("team", route())],
            "Route/team/shop.spec.tiers.light[0]",
            "there is no Model 'faq' in namespace 'team'; there are: none",
        ),
        (
            [model(), *_of("team", generating())],
            "Model/team/assistant.spec.generation.passages.model",
            "there is no Model 'faq' in namespace 'team'; there are: assistant",
        ),
        (
            [*shop(), *_of("team", model(), route(tiers={"light": ["faq"]}, model="shop"))],
            "Route/team/shop.spec.model",
            "'shop' is already answered by Route 'shop', and Route 'team/shop' asks",
        ),
        (
            [*shop(), *_of("team", tenant(routes=["shop"]))],
            "Tenant/team/acme.spec.routes[0]",
            "there is no Route 'shop' in namespace 'team'; there are: none",
        ),
    ],
    ids=["tier", "passages", "model", "tenant"],
)
def test_nothing_reaches_into_another_namespace(documents: list[dict[str, Any]], field: str, message: str) -> None:
    with pytest.raises(TiermeshError) as raised:
        _compile(*documents)
    assert (field, message) in [(wrong.field, wrong.message) for wrong in raised.value.errors]


@pytest.mark.parametrize("resilience", [{"fallbacks": ["team/faq"]}, {"mirror": {"model": "team/faq", "share": 0.1}}])
def test_a_route_does_not_name_a_model_as_routers_do(resilience: dict[str, Any]) -> None:
    with pytest.raises(TiermeshError, match="Models of its own namespace alone"):
        parse(route(resilience=resilience))


def test_a_tenant_that_names_no_routes_may_use_all_of_its_namespace() -> None:
    def usable(*documents: dict[str, Any]) -> list[tuple[str, ...] | None]:
        return [one.routes for one in _compile(*documents).tenants]

    assert usable(*shop(), tenant()) == [None]
    team = _of("team", model(), route(tiers={"light": ["faq"]}), tenant())
    assert usable(*shop(), tenant(), *team) == [("shop",), ("team/shop",)]
    assert usable(*shop(), *_of("team", tenant())) == [()]
    assert usable(*shop(), tenant(), *_of("team", tenant(routes=["shop"]), *team[:2])) == [("shop",), ("team/shop",)]


def test_a_document_that_says_its_namespace_keeps_it() -> None:
    said = in_namespace(model(), "team")
    assert in_namespace(said, "other") == said
    assert in_namespace(model(), "default") == model()
    assert [in_namespace(wrong, "team") for wrong in (4, {}, {"metadata": 4})] == [4, {}, {"metadata": 4}]


_NAMESPACES = st.sampled_from(["default", "a", "b"])
_DOCUMENTS = st.lists(
    st.builds(
        lambda namespace, kind, name, version: in_namespace(
            route(f"r{name}", tiers={"light": [f"m{version}"]}) if kind else model(f"m{name}", version=str(version)),
            namespace,
        ),
        _NAMESPACES,
        st.booleans(),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    max_size=12,
)


def _outcome(documents: list[dict[str, Any]], memory: Memory | None = None) -> str:
    try:
        return digest(compile(parsed(*documents), memory=memory))
    except TiermeshError as error:
        return str(sorted(wrong.field for wrong in error.errors))


@given(documents=_DOCUMENTS, random=st.randoms())
def test_neither_order_nor_repetition_of_the_documents_matters(documents: list[dict[str, Any]], random: Any) -> None:
    expected = _outcome(documents)
    again = [*documents, *random.choices(documents, k=3)] if documents else []
    random.shuffle(again)
    if not expected.startswith("["):
        assert _outcome(again) == expected
    else:  # the same document may be wrong twice
        assert _outcome(again).startswith("[")


@given(st.lists(_DOCUMENTS, min_size=1, max_size=4))
def test_what_is_remembered_changes_nothing(rounds: list[list[dict[str, Any]]]) -> None:
    memory = Memory()
    known = {str(document): parse(document) for documents in rounds for document in documents}
    for documents in rounds:
        same_objects = [known[str(document)] for document in documents]
        try:
            found = digest(compile(same_objects, memory=memory))
        except TiermeshError:
            memory.drop()
            continue
        memory.keep()
        assert found == _outcome(documents)
