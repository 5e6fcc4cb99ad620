"""Reading a snapshot part by part: the same as reading it whole, and what has not changed is the same object."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.documents import Document
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import Snapshot
from routers.reading import Found, Reader
from routers.runtime import Builder, Runtime
from routers.slices import at_once
from tests.unit.routers.samples import documents, model, route, snapshot, snapshot_body
from tests.unit.routers.tenants import tenant


def read(reader: Reader, of: Snapshot | bytes) -> Found:
    return at_once(reader.read(of if isinstance(of, bytes) else snapshot_body(of)))


_NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=6)
_THRESHOLDS = st.sampled_from([0.1, 0.2])


@st.composite
def _snapshots(draw: st.DrawFn) -> list[Snapshot]:
    """Some snapshots one after the other: Routes and Tenants come, go and change."""
    found = []
    for number in range(1, 4):
        routes = [route(name, complexity={"threshold": draw(_THRESHOLDS)}) for name in draw(_NAMES)]
        tenants = [tenant(f"t-{name}") for name in draw(_NAMES)]
        found.append(snapshot([model("light"), model("heavy", "heavy"), *routes, *tenants], number))
    return found


@given(_snapshots(), st.booleans())
def test_what_is_read_part_by_part_is_what_was_written(snapshots: list[Snapshot], spelled_otherwise: bool) -> None:
    reader = Reader()
    for one in snapshots:
        found = read(reader, one.model_dump_json(indent=1).encode() if spelled_otherwise else snapshot_body(one))
        assert found.snapshot == one
        assert found.verified is not spelled_otherwise


def _edited(threshold: float, *more: Document) -> Snapshot:
    return snapshot([*documents(), route("bank", complexity={"threshold": threshold}), *more], 2)


def test_what_says_the_same_is_not_read_nor_made_again() -> None:
    reader, builder = Reader(), Builder()
    before, after = (
        at_once(builder.build(read(reader, one)))
        for one in (_edited(0.1, model("old"), tenant("acme")), _edited(0.2, model("another"), tenant("acme")))
    )
    assert after.snapshot.content.routes[1] is before.snapshot.content.routes[1]
    assert after.snapshot.content.tenants[0] is before.snapshot.content.tenants[0]
    assert after.routes["shop"] is before.routes["shop"]
    assert after.routes["bank"] is not before.routes["bank"]
    assert after.routes["bank"].light == before.routes["bank"].light


def test_a_route_is_made_anew_where_a_model_of_it_has_changed() -> None:
    reader, builder = Reader(), Builder()
    spare = route("shop", resilience={"mirror": {"model": "shadow", "share": 0.5}})
    made: list[Runtime] = []
    for url in ("http://h:1/v1", "http://h:2/v1"):
        of: Sequence[Document] = [model("light"), model("heavy", "heavy"), model("shadow", url=url), spare]
        made.append(at_once(builder.build(read(reader, snapshot(of)))))
    shadows = [runtime.routes["shop"].shadow for runtime in made]
    assert [shadow and shadow.endpoints[0].url for shadow in shadows] == ["http://h:1/v1", "http://h:2/v1"]


def test_a_content_that_was_altered_is_refused() -> None:
    altered = snapshot_body(snapshot()).replace(b'"threshold":0.7', b'"threshold":0.8')
    found = read(Reader(), altered)
    assert not found.verified
    with pytest.raises(TiermeshError, match="does not have the hash"):
        at_once(Builder().build(found))


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"{",
        b'{"number"',
        b"{1:2}",
        snapshot_body(snapshot()) + b"x",
        snapshot_body(snapshot())[:-1],
        snapshot_body(snapshot()).replace(b'"routes":[', b'"routes":[,'),
        snapshot_body(snapshot()).replace(b'"routes":[', b'"routes":['.ljust(100_000, b"[")),
        snapshot_body(snapshot()).replace(b'"routes"', b'"rotes"'),
        snapshot_body(snapshot()).replace(b'"threshold":0.7', b'"threshold":NaN'),
        snapshot_body(snapshot()).replace(b'"threshold":0.7', b'"threshold":7,"more":1'),
    ],
)
def test_what_is_no_snapshot_is_refused_and_spoils_nothing(wrong: bytes) -> None:
    reader = Reader()
    read(reader, snapshot())
    with pytest.raises(TiermeshError) as caught:
        read(reader, wrong)
    assert caught.value.code is Code.UPSTREAM_FAILED
    assert read(reader, snapshot()).snapshot == snapshot()


def test_of_a_member_that_stands_twice_the_last_counts() -> None:
    """As everywhere; and none of the first is left."""
    content = json.dumps({"routes": [], "backends": []})
    twice = snapshot_body(snapshot())[:-1] + f',"content":{content}}}'.encode()
    assert read(Reader(), twice).snapshot.content.routes == ()
