"""Documents: the Kubernetes-shaped envelope, and reading one with errors that name the field and the cure."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from control_plane.spec.base import Spec, nearest
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.experiments import ExperimentSpec
from control_plane.spec.models import ModelSpec
from control_plane.spec.names import DEFAULT_NAMESPACE, Key, Name, qualified
from control_plane.spec.prompts import PromptSpec
from control_plane.spec.rollouts import RolloutSpec
from control_plane.spec.routes import RouteSpec
from control_plane.spec.scaling import ScalingPolicySpec
from control_plane.spec.tenants import TenantSpec

API_VERSION = "tiermesh.dev/v1alpha1"
TRIED = "tiermesh.dev/tried"
"""The annotation of a Model that is nobody's document: it serves the other version of the one named here."""
VERSION = r"^(0|[1-9][0-9]{0,17})$"
"""What a `resourceVersion` looks like."""


class Metadata(Spec):
    """Who a document is."""

    name: Name
    namespace: Name = DEFAULT_NAMESPACE
    """Names are unique within one, and documents name those of their own alone."""
    resource_version: str | None = Field(default=None, pattern=VERSION)
    """Every read gives it; a write that carries it is refused once the document has another. "0": there is none yet.
    It is never stored."""
    managed_by: Name | None = None
    """Who alone changes this document, such as `kubernetes`; anybody, where it is left out."""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)

    @property
    def qualified_name(self) -> str:
        """As routers know it: NAMESPACE/NAME, or the plain name in the default namespace."""
        return qualified(self.namespace, self.name)


class _Envelope(Spec):
    api_version: Literal["tiermesh.dev/v1alpha1"]
    kind: str  # here for its place: a document is written in this order
    metadata: Metadata

    @property
    def key(self) -> Key:
        """Its identity."""
        return Key(self.kind, self.metadata.name, self.metadata.namespace)


class Model(_Envelope):
    """Something that answers."""

    kind: Literal["Model"]
    spec: ModelSpec

    @property
    def served_name(self) -> str:
        """By which it is asked for where it runs: what has a URL of its own knows nothing of namespaces."""
        own = self.metadata.name if self.spec.addressed or self.spec.elsewhere else self.metadata.qualified_name
        return self.spec.served_name or own

    @property
    def tried(self) -> bool:
        """Whether it serves a version that a Rollout tries: nothing else waits for it, or fails with it."""
        return TRIED in self.metadata.annotations


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


class Experiment(_Envelope):
    """A question, and the arms that answer it."""

    kind: Literal["Experiment"]
    spec: ExperimentSpec


class Rollout(_Envelope):
    """A careful change."""

    kind: Literal["Rollout"]
    spec: RolloutSpec


class ScalingPolicy(_Envelope):
    """How much to run."""

    kind: Literal["ScalingPolicy"]
    spec: ScalingPolicySpec


Document = Annotated[
    Model | Route | Tenant | Prompt | Experiment | Rollout | ScalingPolicy, Field(discriminator="kind")
]

PLURALS: dict[str, str] = {
    "models": "Model",
    "routes": "Route",
    "tenants": "Tenant",
    "prompts": "Prompt",
    "experiments": "Experiment",
    "rollouts": "Rollout",
    "scalingpolicies": "ScalingPolicy",
}
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


def stored(document: Document) -> dict[str, Any]:
    """The document as it is kept and compared: without its version, which says nothing about what it means."""
    return document.model_dump(mode="json", exclude_unset=True, exclude={"metadata": {"resource_version"}})


def versioned(stored_document: dict[str, Any], version: int) -> dict[str, Any]:
    """A stored document as it is read: with the version that a write may carry back."""
    return {**stored_document, "metadata": {**stored_document["metadata"], "resourceVersion": str(version)}}


def in_namespace(data: Any, namespace: str) -> Any:
    """An unread document in this namespace, unless it says one itself."""
    metadata = data.get("metadata") if isinstance(data, Mapping) else None
    if not isinstance(metadata, Mapping) or "namespace" in metadata or namespace == DEFAULT_NAMESPACE:
        return data
    return {**data, "metadata": {**metadata, "namespace": namespace}}
