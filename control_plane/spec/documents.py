"""Documents: the Kubernetes-shaped envelope, and reading one with errors that name the field and the cure."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from control_plane.spec.base import Spec, nearest
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.models import ModelSpec, Name
from control_plane.spec.prompts import PromptSpec
from control_plane.spec.routes import RouteSpec
from control_plane.spec.tenants import TenantSpec

API_VERSION = "tiermesh.dev/v1alpha1"


class Metadata(Spec):
    """Who a document is."""

    name: Name
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class _Envelope(Spec):
    api_version: Literal["tiermesh.dev/v1alpha1"]
    kind: str  # here for its place: a document is written in this order
    metadata: Metadata


class Model(_Envelope):
    """Something that answers."""

    kind: Literal["Model"]
    spec: ModelSpec


class Route(_Envelope):
    """The name that callers use."""

    kind: Literal["Route"]
    spec: RouteSpec


class Tenant(_Envelope):
    """Who calls."""

    kind: Literal["Tenant"]
    spec: TenantSpec


class Prompt(_Envelope):
    """What is said to a model."""

    kind: Literal["Prompt"]
    spec: PromptSpec


Document = Annotated[Model | Route | Tenant | Prompt, Field(discriminator="kind")]

PLURALS: dict[str, str] = {"models": "Model", "routes": "Route", "tenants": "Tenant", "prompts": "Prompt"}
"""Path segment of the API -> kind."""

_ADAPTER: TypeAdapter[Document] = TypeAdapter(Document)


def parse(data: Any) -> Document:
    """Read one document.

    Raises TiermeshError(INVALID_DOCUMENT) with one FieldError for each wrong field.
    """
    kind, name = _identity(data)
    kinds = list(PLURALS.values())
    if kind not in kinds:
        near = nearest(str(kind), kinds)
        hint = f"Did you mean {near!r}?" if near else f"Known kinds are {', '.join(kinds)}."
        field = FieldError("kind", f"must be one of {', '.join(kinds)}, not {kind!r}")
        raise TiermeshError(Code.INVALID_DOCUMENT, f"The document has kind {kind!r}.", hint, errors=(field,))
    try:
        return _ADAPTER.validate_python(data)
    except ValidationError as error:
        errors = field_errors(error, skip=1)
        first = errors[0]
        raise TiermeshError(
            Code.INVALID_DOCUMENT,
            f"{kind} {name!r} is not valid: {first.field}: {first.message}",
            "Correct the fields named in errors and apply it again.",
            errors=errors,
        ) from error


def _identity(data: Any) -> tuple[Any, Any]:
    if not isinstance(data, Mapping):
        raise TiermeshError(
            Code.INVALID_DOCUMENT,
            f"A document must be a mapping, not {type(data).__name__}.",
            f"Begin with 'apiVersion: {API_VERSION}' and 'kind: ' with one of {', '.join(PLURALS.values())}.",
        )
    metadata = data.get("metadata")
    return data.get("kind"), metadata.get("name") if isinstance(metadata, Mapping) else None


def field_errors(error: ValidationError, skip: int = 0) -> tuple[FieldError, ...]:
    """Pydantic's errors as paths and sentences; `skip` leaves out leading path parts that are not fields."""
    return tuple(
        FieldError(field_path(item["loc"][skip:]) or "(document)", item["msg"].removeprefix("Value error, "))
        for item in error.errors(include_url=False, include_context=False)
    )


def field_path(parts: tuple[int | str, ...]) -> str:
    """A field's place in dots and brackets: `spec.tiers.light[0]`."""
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def dump(document: Document) -> dict[str, Any]:
    """The document as it is written, without what was left at its default."""
    return document.model_dump(mode="json", exclude_unset=True)
