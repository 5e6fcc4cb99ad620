"""Revisions come back as they were written."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.names import Key
from control_plane.spec.snapshots import Content
from control_plane.store import revisions, snapshots
from control_plane.store.database import Database
from control_plane.store.provenance import Provenance
from control_plane.store.revisions import document_sha256
from tests.unit.control_plane.samples import generating, model

_AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=8)))
_BY = Provenance("王芳", "开张", _AT)
_FAQ = Key("Model", "faq")


def test_a_revision_is_read_as_it_was_written(database: Database) -> None:
    with database.write() as transaction:
        written = revisions.append(transaction, _FAQ, 1, model(), _BY)
    with database.read() as transaction:
        (read,) = revisions.history(transaction, *_FAQ)
    assert read == written
    assert (read.author, read.reason, read.created_at) == ("王芳", "开张", _AT)
    assert read.created_at.tzinfo is UTC
    assert read.document == model()


def test_the_head_is_the_newest_revision_a_deletion_included(database: Database) -> None:
    with database.write() as transaction:
        revisions.append(transaction, _FAQ, 1, model(), _BY)
        revisions.append(transaction, Key("Model", "assistant"), 1, generating(), _BY)
        revisions.append(transaction, _FAQ, 2, None, _BY)
        heads = revisions.heads(transaction)
    assert list(heads) == [Key("Model", "assistant"), _FAQ]
    assert (heads[_FAQ].generation, heads[_FAQ].deleted, heads[_FAQ].document) == (2, True, None)


def test_history_is_newest_first_with_the_snapshots_of_each(database: Database) -> None:
    with database.write() as transaction:
        old = revisions.append(transaction, _FAQ, 1, model(), _BY)
        snapshots.append(transaction, Content(), old.id, _BY)
        snapshots.append(transaction, Content(), old.id, _BY)
        revisions.append(transaction, _FAQ, 2, model(version="2"), _BY)
        found = revisions.history(transaction, *_FAQ)
        compiled_from = revisions.of_snapshot(transaction, 2)
    assert [(one.generation, one.first_snapshot, one.last_snapshot) for one in found] == [(2, None, None), (1, 1, 2)]
    assert [one.id for one in compiled_from] == [old.id]


@given(st.permutations(list(model())))
def test_a_documents_hash_does_not_depend_on_the_order_of_its_fields(order: list[str]) -> None:
    document = model()
    assert document_sha256({key: document[key] for key in order}) == document_sha256(document)
