"""/v1/models, /v1/routes, /v1/tenants and /v1/documents: documents in, documents out."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import Field
from starlette.responses import JSONResponse

from control_plane.publisher import Publisher, no_such_document
from control_plane.spec.base import Spec
from control_plane.spec.documents import Document, parse
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.records import Applied, Revision
from control_plane.store import revisions

Author = Annotated[str, Field(min_length=1, max_length=200)]
Reason = Annotated[str, Field(max_length=2000)]
ANONYMOUS = "anonymous"
"""Who writes without saying so: there is no authentication yet."""


class Batch(Spec):
    """Documents that are applied together or not at all."""

    documents: list[Any] = Field(min_length=1, max_length=1000)
    author: Author = ANONYMOUS
    reason: Reason = ""


class RevisionList(Spec):
    """Revisions, newest first."""

    items: tuple[Revision, ...]


def batch_routes(publisher: Publisher) -> APIRouter:
    """POST /v1/documents."""
    routes = APIRouter(tags=["documents"])

    @routes.post("/v1/documents")
    def apply(batch: Batch, dry_run: Annotated[bool, Query(alias="dryRun")] = False) -> Applied:
        """Create or change all documents, or none; `dryRun=true` answers the same and writes nothing."""
        return publisher.apply(_parse_all(batch.documents), batch.author, batch.reason, dry_run)

    return routes


def kind_routes(plural: str, kind: str, publisher: Publisher) -> APIRouter:
    """The operations on one kind of document."""
    routes = APIRouter(prefix=f"/v1/{plural}", tags=[plural])

    @routes.get("")
    def list_all() -> JSONResponse:
        """All documents of this kind, by name, as they were written."""
        with publisher.database.read() as transaction:
            heads = revisions.heads(transaction).values()
        return JSONResponse({"items": [head.document for head in heads if head.kind == kind and not head.deleted]})

    @routes.get("/{name}")
    def get(name: str) -> JSONResponse:
        """One document as it was last written."""
        with publisher.database.read() as transaction:
            heads = revisions.heads(transaction)
        head = heads.get((kind, name))
        if head is None or head.deleted:
            known = (other for (its_kind, other), head in heads.items() if its_kind == kind and not head.deleted)
            raise no_such_document(kind, name, known)
        return JSONResponse(head.document, headers={"etag": f'"{head.sha256}"'})

    @routes.put("/{name}")
    def put(
        name: str,
        document: Annotated[Any, Body()],
        author: Annotated[Author, Query()] = ANONYMOUS,
        reason: Annotated[Reason, Query()] = "",
    ) -> Applied:
        """Create or change one document."""
        return publisher.apply([_expect(kind, name, parse(document))], author, reason)

    @routes.delete("/{name}")
    def delete(
        name: str, author: Annotated[Author, Query()] = ANONYMOUS, reason: Annotated[Reason, Query()] = ""
    ) -> Applied:
        """Delete one document; 409 where another names it."""
        return publisher.delete(kind, name, author, reason)

    @routes.get("/{name}/revisions")
    def history(name: str) -> RevisionList:
        """Everything that was ever written under this name, newest first; also after a deletion."""
        with publisher.database.read() as transaction:
            found = revisions.history(transaction, kind, name)
            heads = revisions.heads(transaction)
        if not found:
            raise no_such_document(kind, name, (other for its_kind, other in heads if its_kind == kind))
        return RevisionList(items=tuple(found))

    return routes


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
