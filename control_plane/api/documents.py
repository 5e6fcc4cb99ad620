"""/v1/documents, and a path for each kind such as /v1/models: documents in, documents out."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Body, Query
from pydantic import Field, SkipValidation, ValidationError
from starlette.responses import JSONResponse

from control_plane.api.callers import Caller, author_of, needs, origin_of, permit
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.publisher import Publisher
from control_plane.refusals import no_such_document
from control_plane.spec.base import Spec
from control_plane.spec.documents import PLURALS, VERSION, Document, field_errors, in_namespace, parse, versioned
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.names import DEFAULT_NAMESPACE, EVERY_NAMESPACE, TIERMESH, Key, Name
from control_plane.spec.people import Principal, Role
from control_plane.spec.records import Applied, Revision
from control_plane.store import revisions

Author = Annotated[str | None, Field(min_length=1, max_length=200)]
"""Of whoever sits at this machine: whoever shows a token is the author."""
Reason = Annotated[str, Field(max_length=2000)]
_Part = TypeVar("_Part", bound=Spec)
OneNamespace = Annotated[Name, Query()]
SomeNamespaces = Annotated[Name | Literal["*"], Query()]
"""One, or `*` for all that the caller may view."""


_WRITERS = {"Experiment": Role.EXPERIMENTER}
"""Who may write and delete documents of a kind; operators, where it is not here."""


class Named(Spec):
    """A document by what it is known by."""

    kind: str = Field(pattern=f"^({'|'.join(PLURALS.values())})$")
    name: Name
    namespace: Name = DEFAULT_NAMESPACE


class Said(Spec):
    """Who says it and why."""

    author: Author = None
    reason: Reason = ""


class DocumentBatch(Spec):
    """Documents that are applied, and others that are deleted, together or not at all."""

    documents: list[SkipValidation[Document]] = Field(max_length=20_000)
    """Described here, and read by `parse`, whose errors name each document and the cure."""
    deleted: list[Named] = Field(default_factory=list, max_length=20_000)
    """One that is not there any more is no error; one that is among `documents` stays."""
    author: Author = None
    reason: Reason = ""
    manager: Name = TIERMESH


class RevisionList(Spec):
    """Revisions, newest first."""

    items: tuple[Revision, ...]


def batch_routes(publisher: Publisher) -> APIRouter:
    """/v1/documents: many at once."""
    routes = operations("documents")

    @routes.post("/v1/documents", responses=answers(409, 413, 422), dependencies=[needs(Role.EXPERIMENTER)])
    def apply(batch: DocumentBatch, caller: Caller, dry_run: Annotated[bool, Query(alias="dryRun")] = False) -> Applied:
        """Create, change and delete all that is said, or nothing; `dryRun=true` answers the same and writes nothing."""
        author = author_of(caller, batch.author)
        documents = _parse_all(batch.documents)
        deleted = [Key(one.kind, one.name, one.namespace) for one in batch.deleted]
        if not documents and not deleted:
            raise _empty()
        for kind, namespace in {(key.kind, key.namespace): None for key in (*(one.key for one in documents), *deleted)}:
            permit(caller, _writer(kind), namespace)
        origin = origin_of(caller)
        return publisher.apply(documents, author, batch.reason, dry_run, batch.manager, origin, deleted)

    @routes.get("/v1/documents", responses=list_of(*PLURALS.values()), dependencies=[needs(Role.VIEWER)])
    def export(caller: Caller, namespace: SomeNamespaces = EVERY_NAMESPACE) -> JSONResponse:
        """All documents that the caller may view, as they can be applied elsewhere: in order, without their versions.

        A named namespace that it may not view is refused.
        """
        return JSONResponse({"items": [head.document for head in _visible(publisher, caller, None, namespace)]})

    return routes


def kind_routes(plural: str, kind: str, publisher: Publisher) -> APIRouter:
    """The operations on one kind of document."""
    routes = operations(plural, f"/v1/{plural}")
    writer = _writer(kind)
    body = {"requestBody": {"required": True, **_json(_schema(kind))}}
    writing = answers(404, 409, 422)

    @routes.get("", responses=list_of(kind), dependencies=[needs(Role.VIEWER)])
    def list_all(caller: Caller, namespace: SomeNamespaces = DEFAULT_NAMESPACE) -> JSONResponse:
        """All documents of this kind, by namespace and name, with their versions.

        `namespace=*` lists those of all namespaces that the caller may view.
        """
        return JSONResponse({"items": [_read(head) for head in _visible(publisher, caller, kind, namespace)]})

    @routes.get("/{name}", responses={**answers(404), 200: _json(_schema(kind))}, dependencies=[needs(Role.VIEWER)])
    def get(name: str, caller: Caller, namespace: OneNamespace = DEFAULT_NAMESPACE) -> JSONResponse:
        """One document as it was last written, with its version."""
        permit(caller, Role.VIEWER, namespace)
        key = Key(kind, name, namespace)
        with publisher.database.read() as transaction:
            head = revisions.head(transaction, key)
            if head is None or head.deleted:
                heads = revisions.heads(transaction, kind)
                known = (other for other, last in heads.items() if not last.deleted)
                raise no_such_document(key, [one for one in known if caller.may(Role.VIEWER, one.namespace)])
        return JSONResponse(_read(head), headers={"etag": f'"{head.generation}-{head.sha256}"'})

    @routes.put("/{name}", responses=writing | answers(413), openapi_extra=body, dependencies=[needs(writer)])
    def put(
        name: str,
        document: Annotated[Any, Body()],
        caller: Caller,
        namespace: OneNamespace = DEFAULT_NAMESPACE,
        author: Annotated[Author, Query()] = None,
        reason: Annotated[Reason, Query()] = "",
        manager: Annotated[Name, Query()] = TIERMESH,
    ) -> Applied:
        """Create or change one document; 409 where its `metadata.resourceVersion` is not the last."""
        permit(caller, writer, namespace)
        by = author_of(caller, author)
        meant = _expect(Key(kind, name, namespace), parse(in_namespace(document, namespace)))
        return publisher.apply([meant], by, reason, origin=origin_of(caller), manager=manager)

    @routes.delete("/{name}", responses=writing, dependencies=[needs(writer)])
    def delete(
        name: str,
        caller: Caller,
        namespace: OneNamespace = DEFAULT_NAMESPACE,
        author: Annotated[Author, Query()] = None,
        reason: Annotated[Reason, Query()] = "",
        manager: Annotated[Name, Query()] = TIERMESH,
        resource_version: Annotated[str | None, Query(alias="resourceVersion", pattern=VERSION)] = None,
    ) -> Applied:
        """Delete one document; 409 where another names it, or where it has another version."""
        permit(caller, writer, namespace)
        by, key = author_of(caller, author), Key(kind, name, namespace)
        return publisher.delete(key, by, reason, resource_version, manager=manager, origin=origin_of(caller))

    @routes.get("/{name}/revisions", responses=answers(404), dependencies=[needs(Role.VIEWER)])
    def history(name: str, caller: Caller, namespace: OneNamespace = DEFAULT_NAMESPACE) -> RevisionList:
        """Everything that was ever written under this name, newest first; also after a deletion."""
        permit(caller, Role.VIEWER, namespace)
        with publisher.database.read() as transaction:
            found = revisions.history(transaction, kind, name, namespace)
            if not found:
                known = revisions.heads(transaction, kind)
                seen = [one for one in known if caller.may(Role.VIEWER, one.namespace)]
                raise no_such_document(Key(kind, name, namespace), seen)
        return RevisionList(items=tuple(found))

    return routes


def _writer(kind: str) -> Role:
    return _WRITERS.get(kind, Role.OPERATOR)


def _schema(*kinds: str) -> dict[str, Any]:
    """One document of one of these kinds; the body of /v1/documents brings them all into the description."""
    found = [{"$ref": f"#/components/schemas/{kind}"} for kind in kinds]
    return found[0] if len(found) == 1 else {"oneOf": found, "discriminator": {"propertyName": "kind"}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def list_of(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """What an operation answers that lists documents of these kinds."""
    items = {"type": "array", "items": _schema(*kinds)}
    return {200: _json({"type": "object", "required": ["items"], "properties": {"items": items}})}


def _visible(publisher: Publisher, caller: Principal, kind: str | None, namespace: str) -> list[Revision]:
    """The documents of one namespace, which the caller must be able to view, or of all that it may view."""
    if namespace != EVERY_NAMESPACE:
        permit(caller, Role.VIEWER, namespace)
    with publisher.database.read() as transaction:
        heads = revisions.heads(transaction, kind, namespace).values()
    return [head for head in heads if not head.deleted and caller.may(Role.VIEWER, head.namespace)]


def _read(head: Revision) -> dict[str, Any]:
    assert head.document is not None  # deleted ones are not read
    return versioned(head.document, head.generation)


def part(kind: type[_Part], said: Any, field: str) -> _Part:
    """What stands in one field of a body, read as documents are.

    Raises TiermeshError(INVALID_DOCUMENT) with one FieldError for each wrong field.
    """
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        found = field_errors(error)
        errors = tuple(FieldError(f"{field}.{one.field}".removesuffix(".(document)"), one.message) for one in found)
        message = f"The {field} is not valid: {errors[0].field}: {errors[0].message}"
        hint = "Correct the fields named in errors; nothing was written."
        raise TiermeshError(Code.INVALID_DOCUMENT, message, hint, errors=errors) from error


def _empty() -> TiermeshError:
    field = FieldError("documents", "must have at least one item, or deleted must")
    message = "Neither documents nor deleted holds anything."
    return TiermeshError(Code.INVALID_DOCUMENT, message, "Name what to write, or what to delete.", errors=(field,))


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


def _expect(key: Key, document: Document) -> Document:
    fields = ("kind", "metadata.name", "metadata.namespace")
    for field, is_written, is_meant in zip(fields, document.key, key, strict=True):
        if is_written != is_meant:
            message = f"is {is_written!r}, but the path says {is_meant!r}"
            raise TiermeshError(
                Code.INVALID_DOCUMENT,
                f"{field} {message}.",
                "Make the two agree; nothing was changed.",
                errors=(FieldError(field, message),),
            )
    return document
