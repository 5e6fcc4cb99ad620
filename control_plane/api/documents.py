"""/v1/models, /v1/routes, /v1/tenants and /v1/documents: documents in, documents out."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import Field
from starlette.responses import JSONResponse

from control_plane.api.callers import (
    DEFAULT_NAMESPACE,
    Caller,
    author_of,
    namespace_of,
    needs,
    origin_of,
    permit,
)
from control_plane.publisher import Publisher, no_such_document
from control_plane.spec.base import Spec
from control_plane.spec.documents import Document, parse
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.people import Role
from control_plane.spec.records import Applied, Revision
from control_plane.store import revisions

Author = Annotated[str | None, Field(min_length=1, max_length=200)]
"""Of whoever sits at this machine: whoever shows a token is the author."""
Reason = Annotated[str, Field(max_length=2000)]


class Batch(Spec):
    """Documents that are applied together or not at all."""

    documents: list[Any] = Field(min_length=1, max_length=1000)
    author: Author = None
    reason: Reason = ""


class RevisionList(Spec):
    """Revisions, newest first."""

    items: tuple[Revision, ...]


def batch_routes(publisher: Publisher) -> APIRouter:
    """POST /v1/documents."""
    routes = APIRouter(tags=["documents"])

    @routes.post("/v1/documents", dependencies=[needs(Role.OPERATOR)])
    def apply(batch: Batch, caller: Caller, dry_run: Annotated[bool, Query(alias="dryRun")] = False) -> Applied:
        """Create or change all documents, or none; `dryRun=true` answers the same and writes nothing."""
        author = author_of(caller, batch.author)
        documents = _parse_all(batch.documents)
        for document in documents:
            permit(caller, Role.OPERATOR, namespace_of(document))
        return publisher.apply(documents, author, batch.reason, dry_run, origin=origin_of(caller))

    return routes


def kind_routes(plural: str, kind: str, publisher: Publisher) -> APIRouter:
    """The operations on one kind of document."""
    routes = APIRouter(prefix=f"/v1/{plural}", tags=[plural])

    @routes.get("", dependencies=[needs(Role.VIEWER)])
    def list_all(caller: Caller) -> JSONResponse:
        """All documents of this kind that the caller may view, by name, as they were written."""
        with publisher.database.read() as transaction:
            heads = revisions.heads(transaction).values()
        found = (head.document for head in heads if head.kind == kind and head.document is not None)
        return JSONResponse({"items": [each for each in found if caller.may(Role.VIEWER, _namespace(each))]})

    @routes.get("/{name}", dependencies=[needs(Role.VIEWER)])
    def get(name: str, caller: Caller) -> JSONResponse:
        """One document as it was last written."""
        permit(caller, Role.VIEWER, DEFAULT_NAMESPACE)
        with publisher.database.read() as transaction:
            heads = revisions.heads(transaction)
        head = heads.get((kind, name))
        if head is None or head.deleted:
            known = (other for (its_kind, other), head in heads.items() if its_kind == kind and not head.deleted)
            raise no_such_document(kind, name, known)
        return JSONResponse(head.document, headers={"etag": f'"{head.sha256}"'})

    @routes.put("/{name}", dependencies=[needs(Role.OPERATOR)])
    def put(
        name: str,
        document: Annotated[Any, Body()],
        caller: Caller,
        author: Annotated[Author, Query()] = None,
        reason: Annotated[Reason, Query()] = "",
    ) -> Applied:
        """Create or change one document."""
        by = author_of(caller, author)
        meant = _expect(kind, name, parse(document))
        permit(caller, Role.OPERATOR, namespace_of(meant))
        return publisher.apply([meant], by, reason, origin=origin_of(caller))

    @routes.delete("/{name}", dependencies=[needs(Role.OPERATOR)])
    def delete(
        name: str,
        caller: Caller,
        author: Annotated[Author, Query()] = None,
        reason: Annotated[Reason, Query()] = "",
    ) -> Applied:
        """Delete one document; 409 where another names it."""
        permit(caller, Role.OPERATOR, DEFAULT_NAMESPACE)
        return publisher.delete(kind, name, author_of(caller, author), reason, origin=origin_of(caller))

    @routes.get("/{name}/revisions", dependencies=[needs(Role.VIEWER)])
    def history(name: str, caller: Caller) -> RevisionList:
        """Everything that was ever written under this name, newest first; also after a deletion."""
        permit(caller, Role.VIEWER, DEFAULT_NAMESPACE)
        with publisher.database.read() as transaction:
            found = revisions.history(transaction, kind, name)
            heads = revisions.heads(transaction)
        if not found:
            raise no_such_document(kind, name, (other for its_kind, other in heads if its_kind == kind))
        return RevisionList(items=tuple(found))

    return routes


def _namespace(document: dict[str, Any]) -> str:
    """Where a document is, as it was written."""
    return str(document["metadata"].get("namespace", DEFAULT_NAMESPACE))


def _parse_all(items: Iterable[Any]) -> list[Document]:
    documents: list[Document] = []
    failures: list[tuple[int, TiermeshError]] = []
    for index, item in enumerate(items):
        try:
            documents.append(parse(item))
        except TiermeshError as error:
            failures.append((index, error))
    if failures:
        index, first = failures[0]
        wrong = tuple(
            FieldError(f"documents[{index}].{field.field}".removesuffix("."), field.message)
            for index, error in failures
            for field in error.errors or (FieldError("", error.message),)
        )
        raise TiermeshError(first.code, f"documents[{index}]: {first.message}", first.hint, errors=wrong)
    return documents


def _expect(kind: str, name: str, document: Document) -> Document:
    for field, is_written, is_meant in (("kind", document.kind, kind), ("metadata.name", document.metadata.name, name)):
        if is_written != is_meant:
            message = f"is {is_written!r}, but the path says {is_meant!r}"
            raise TiermeshError(
                Code.INVALID_DOCUMENT,
                f"{field} {message}.",
                "Make the two agree; nothing was changed.",
                errors=(FieldError(field, message),),
            )
    return document
