"""A snapshot becomes a Runtime, or an error that says why not."""

from dataclasses import FrozenInstanceError

import orjson
import pytest

from control_plane.spec.documents import API_VERSION, Document, Metadata, parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation, Tier
from control_plane.spec.snapshots import SCHEMA_VERSION, Content, Snapshot
from routers.reading import Found
from routers.runtime import Builder, Runtime
from routers.slices import at_once
from routers.upstream import Origin
from tests.unit.routers.samples import faq, model, route, snapshot

KEYED: list[Document] = [model("light", apiKeyFromEnv="TIERMESH_UPSTREAM_KEY_A"), route(heavy=[])]


def head(url: str, **environ: str) -> bytes:
    """What a chat request to this URL begins with."""
    key = {"apiKeyFromEnv": next(iter(environ))} if environ else {}
    built = Runtime.build(snapshot([model("light", url=url, **key), route(heavy=[])]), environ)
    return built.routes["shop"].light[Operation.CHAT][0].endpoints[0].heads[Operation.CHAT]


def test_routes_are_found_by_the_name_that_callers_write() -> None:
    built = Runtime.build(snapshot([model("light"), route("shop", heavy=[], model="Org/Shop-7B")]))
    assert list(built.routes) == ["Org/Shop-7B"]
    assert built.routes["Org/Shop-7B"].name == "shop"


def test_a_runtime_cannot_be_changed() -> None:
    built = Runtime.build(snapshot())
    with pytest.raises(TypeError, match="does not support item assignment"):
        built.routes["other"] = built.routes["shop"]  # type: ignore[index]  # that it cannot is the test
    with pytest.raises(FrozenInstanceError):
        built.snapshot = snapshot(number=2)  # type: ignore[misc]  # that it cannot is the test


def test_the_models_of_a_route_are_at_hand_by_tier_and_operation() -> None:
    built = Runtime.build(snapshot([faq(), model("heavy", "heavy"), route(light=["faq"])])).routes["shop"]
    assert [backend.tier for backend in built.light[Operation.CHAT] + built.heavy[Operation.CHAT]] == list(Tier)
    assert built.light[Operation.COMPLETIONS] == ()


def test_a_request_to_a_model_is_whole_http() -> None:
    built = Runtime.build(snapshot([model("light", url="http://h:9/base/v1"), route(heavy=[])]))
    endpoint = built.routes["shop"].light[Operation.EMBEDDINGS][0].endpoints[0]
    assert endpoint.request(Operation.EMBEDDINGS, "id-1", b"{}") == (
        b"POST /base/v1/embeddings HTTP/1.1\r\nhost: h:9\r\ncontent-type: application/json\r\n"
        b"x-request-id: id-1\r\ncontent-length: 2\r\n\r\n{}"
    )


def test_a_request_with_tensors_goes_to_the_path_of_its_model_and_says_what_it_is() -> None:
    served = model("light", engine="kserve", url="http://h:9", servedName="org/ir is")
    built = Runtime.build(snapshot([served, route(heavy=[])]))
    endpoint = built.routes["shop"].light[Operation.INFER][0].endpoints[0]
    assert endpoint.request(Operation.INFER, "id-1", b"ab", b"content-type: application/octet-stream\r\n") == (
        b"POST /v2/models/org/ir%20is/infer HTTP/1.1\r\nhost: h:9\r\ncontent-type: application/octet-stream\r\n"
        b"x-request-id: id-1\r\ncontent-length: 2\r\n\r\nab"
    )


def test_a_model_with_replicas_has_an_endpoint_for_each() -> None:
    replicas = model("light", url=None, urls=["http://a/v1", "http://b:81/v1"])
    backend = Runtime.build(snapshot([replicas, route(heavy=[])])).routes["shop"].light[Operation.CHAT][0]
    assert [endpoint.origin for endpoint in backend.endpoints] == [Origin("a", 80, False), Origin("b", 81, False)]


def test_a_key_is_sent_as_a_bearer_token() -> None:
    sent = head("https://h/v1", TIERMESH_UPSTREAM_KEY_A="secret")
    assert b"\r\nauthorization: Bearer secret\r\n" in sent
    assert b"authorization" not in head("https://h/v1")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://h/v1", Origin("h", 80, False)),
        ("https://h/v1", Origin("h", 443, True)),
        ("http://[::1]:81/v1", Origin("::1", 81, False)),
    ],
)
def test_the_origin_of_a_url_has_the_schemes_port(url: str, origin: Origin) -> None:
    assert Origin.of(url) == origin


@pytest.mark.parametrize("key", [None, "", "line\nbreak", "x\r\nx-evil: 1", "nul\0"])
def test_a_key_that_is_missing_or_no_header_is_refused_and_never_shown(key: str | None) -> None:
    environ = {} if key is None else {"TIERMESH_UPSTREAM_KEY_A": key}
    with pytest.raises(TiermeshError, match="'light' needs a key in TIERMESH_UPSTREAM_KEY_A") as caught:
        Runtime.build(snapshot(KEYED), environ)
    assert not key or key not in str(caught.value)


def test_a_snapshot_with_another_hash_is_refused() -> None:
    with pytest.raises(TiermeshError, match="Snapshot 7 does not have the hash it claims") as caught:
        Runtime.build(snapshot(number=7, sha256="0" * 64))
    assert caught.value.code is Code.UNAVAILABLE


PUBLISHED = {"number": 1, "parent": None, "author": "test", "reason": "", "createdAt": "2026-01-01T00:00:00Z"}
MODEL = {
    "version": "1",
    "protocol": "openai",
    "urls": ["http://127.0.0.1:1/v1"],
    "operations": ["chat", "completions", "embeddings"],
    "modalities": ["text"],
}
TRIAL = {
    "kind": "Experiment",
    "name": "wording",
    "unit": {"header": "x-tiermesh-unit"},
    "salt": "Experiment/wording",
    "layer": "shop layer default",
    "begin": 0.0,
    "end": 1.0,
    "arms": [
        {"name": "control", "weight": 1.0, "revision": ""},
        {
            "name": "candidate",
            "weight": 1.0,
            "revision": "8dcf4c61c1b9",
            "threshold": 0.0,
            "cache": {"exact": {"enabled": True, "ttlSeconds": 60.0}},
        },
    ],
}
SCHEMA_6 = {
    **PUBLISHED,
    "schemaVersion": 6,
    "sha256": "b6eb0e98b2dd18f0c38d340c051c82319bb0fff00a68f6c9752531dd2c1652be",
    "content": {
        "routes": [
            {
                "name": "shop",
                "model": "shop",
                "revision": "a55933ae17cf",
                "light": ["light"],
                "heavy": ["heavy"],
                "threshold": 0.7,
                "cacheTtlSeconds": 300.0,
                "deadlineSeconds": 60.0,
                "trials": [TRIAL],
            }
        ],
        "backends": [
            {"name": "heavy", "tier": "heavy", "servedName": "heavy", **MODEL},
            {"name": "light", "tier": "light", "servedName": "light", **MODEL},
        ],
    },
}
"""As a control plane of schema 6 has published it."""


def test_a_snapshot_of_the_schema_before_is_served() -> None:
    before = Runtime.build(Snapshot.model_validate_json(orjson.dumps(SCHEMA_6)))
    (backend,) = before.routes["shop"].light[Operation.CHAT]
    assert [endpoint.url for endpoint in backend.endpoints] == ["http://127.0.0.1:1/v1"]


def test_a_snapshot_of_the_schema_before_must_have_its_own_hash() -> None:
    changed = orjson.loads(orjson.dumps(SCHEMA_6))
    changed["content"]["routes"][0]["threshold"] = 0.1
    with pytest.raises(TiermeshError, match="does not have the hash it claims"):
        Runtime.build(Snapshot.model_validate(changed))


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, SCHEMA_VERSION - 2])
def test_any_other_schema_is_refused_with_the_cure(version: int) -> None:
    with pytest.raises(TiermeshError, match=f"has schema {version}; this router knows {SCHEMA_VERSION}. Upgrade"):
        Runtime.build(snapshot(schemaVersion=version))


def test_content_that_does_not_hold_together_is_refused() -> None:
    whole = snapshot().content
    torn = Content(routes=whole.routes)
    with pytest.raises(TiermeshError, match="Snapshot 1 .*'heavy'|Snapshot 1 .*'light'"):
        Runtime.build(snapshot(torn))


def test_a_url_that_is_none_is_refused() -> None:
    whole = snapshot().content
    wrong = whole.backends[0].model_copy(update={"urls": ("http://h:99999/v1",)})
    with pytest.raises(TiermeshError, match="Snapshot 1"):
        Runtime.build(snapshot(Content(routes=whole.routes, backends=(wrong, *whole.backends[1:]))))


def test_names_of_another_namespace_are_whole_in_paths_and_headers() -> None:
    of: list[Document] = [
        model("light"),
        model("iris", engine="triton", protocol="oip-http", url="http://h"),
        route(heavy=[]),
    ]
    placed = [one.model_copy(update={"metadata": Metadata(name=one.metadata.name, namespace="team")}) for one in of]
    built = Runtime.build(snapshot(placed))
    found = built.routes["team/shop"]
    assert "x-tiermesh-route: team/shop\r\n" in found.headers
    (backend,) = found.light[Operation.CHAT]
    assert (backend.name, backend.served_name) == ("team/light", "light")


def test_a_tenant_of_a_namespace_without_routes_sees_none() -> None:
    there = parse(
        {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": "a", "namespace": "team"}, "spec": {}}
    )
    built = Runtime.build(snapshot([model("light"), route(heavy=[]), there]))
    assert dict(built.seen_by(built.tenants["team/a"]).routes) == {}


def test_a_route_follows_the_model_that_compares_its_answers() -> None:
    """Also where nothing that it says itself changes."""
    cache, builder = {"semantic": {"compare": "judge", "judge": "jury"}}, Builder()
    whole = snapshot([model("light"), model("heavy", "heavy"), route(cache=cache), model("jury")]).content
    rest = tuple(backend for backend in whole.backends if backend.name != "jury")
    (jury,) = set(whole.backends) - set(rest)
    for url in ("http://one/v1", "http://two/v1"):
        backends = (*rest, jury.model_copy(update={"urls": (url,)}))
        built = at_once(builder.build(Found(snapshot(Content(routes=whole.routes, backends=backends))))).routes["shop"]
        assert built.referee is not None
        assert built.referee.endpoints[0].url == url
        assert "jury" not in [backend.name for backend in built.backends]
