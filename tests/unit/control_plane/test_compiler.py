"""The compiler says what compiling anew would say."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from control_plane.compiler import Compiler
from control_plane.publisher import Publisher
from control_plane.spec.compile import compile
from control_plane.spec.names import Key
from control_plane.spec.records import Revision
from control_plane.spec.snapshots import Content, canonical, digest
from control_plane.store import revisions
from control_plane.store.database import Database
from control_plane.store.revisions import document_sha256
from tests.unit.control_plane.samples import model, parsed, route, shop, tenant

_SERVE = "http://serve"
_AT = datetime(2026, 1, 2, tzinfo=UTC)


def _heads(*documents: dict[str, object]) -> dict[Key, Revision]:
    heads = {}
    for number, document in enumerate(parsed(*documents), start=1):
        stated = {"kind": document.kind, "name": document.metadata.name, "generation": 1, "deleted": False}
        said = {"document": documents[number - 1], "sha256": document_sha256(dict(documents[number - 1]))}
        by = {"id": number, "author": "alice", "reason": "", "createdAt": _AT}
        heads[document.key] = Revision.model_validate({**stated, **said, **by})
    return heads


def test_the_text_is_the_canonical_json_of_the_content() -> None:
    documents = parsed(*shop(), tenant(keys=[{"name": "web", "sha256": "a" * 64}]))
    compiled = Compiler().compile(documents, _SERVE)
    assert compiled.text.encode() == canonical(compiled.content.model_dump(mode="json"))
    assert compiled.sha256 == digest(compiled.content)
    assert Compiler().compile([], _SERVE).sha256 == digest(Content())


def test_what_does_not_change_is_the_same_object_afterwards() -> None:
    compiler = Compiler()
    heads = _heads(*shop(), model("other"))
    with compiler.round(keep=True):
        before = compiler.compile(compiler.documents(heads).values(), _SERVE).content
    with compiler.round(keep=True):
        changed = compiler.documents(heads | _heads(model("other", version="2")))
        after = compiler.compile(changed.values(), _SERVE).content
    assert after.routes[0] is before.routes[0]
    assert [old is new for old, new in zip(before.backends, after.backends, strict=True)] == [True, True, False]
    assert after == compile(parsed(*shop(), model("other", version="2")), _SERVE)


@pytest.fixture
def publishers(database: Database, tmp_path: object) -> Iterator[list[Publisher]]:
    """Two on one database, as two processes have them."""
    yield [Publisher(database, _SERVE, lambda _: None, lambda: _AT) for _ in range(2)]


def test_what_another_process_wrote_is_seen_by_the_next_write(publishers: list[Publisher]) -> None:
    one, other = publishers
    one.apply(parsed(*shop()), "alice")
    for number in range(1, 5):
        writer = (one, other)[number % 2]
        applied = writer.apply(parsed(route(complexity={"threshold": number / 10})), "alice")
        assert {difference.path for difference in applied.diff} == {"routes[shop].threshold", "routes[shop].revision"}
        assert writer.reconcile().published is False
    assert [one.snapshot for one in (one.reconcile(), other.reconcile())] == [5, 5]


def test_what_a_dry_run_or_a_failure_took_back_is_not_remembered(publishers: list[Publisher]) -> None:
    publisher, other = publishers
    publisher.apply(parsed(*shop()), "alice")
    publisher.apply(parsed(model(version="2")), "alice", dry_run=True)
    with pytest.raises(Exception, match="do not fit together"):
        publisher.apply(parsed(model(version="3"), route(tiers={"light": ["none"]})), "alice")
    other.apply(parsed(model(version="4")), "bob")
    assert publisher.reconcile().published is False
    with publisher.database.write() as transaction:
        assert dict(publisher.heads.at(transaction)) == revisions.heads(transaction)
