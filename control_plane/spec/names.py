"""Names: what a document is known by. Its kind, its namespace and its name are its identity."""

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

DEFAULT_NAMESPACE = "default"
"""Where a document is that does not say."""
EVERY_NAMESPACE: Literal["*"] = "*"
"""In place of a namespace, where documents are listed: all of them."""
_LABEL = r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?"

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$")]
"""A DNS label: lower case, digits, '-' and '.', at most 63 characters."""

_ANSWERING = rf"{_LABEL}(:{_LABEL})?"

Answering = Annotated[str, Field(pattern=rf"^{_ANSWERING}$")]
"""A Model's name, or `MODEL:ADAPTER`."""
QualifiedName = Annotated[str, Field(pattern=rf"^({_LABEL}/)?{_ANSWERING}$")]
"""As compiled content names a Model: `NAME` or `NAMESPACE/NAME`, with or without an adapter."""

OutcomeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""What callers call an outcome in `POST /v1/feedback`: `click`, `order_value`, `resolved`."""

CallersName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
"""The `model` that callers write: any printable ASCII without blanks."""

TIERMESH = "tiermesh"
"""The manager of a write that does not say: the API, the command line and the console."""


class Key(NamedTuple):
    """A document's identity."""

    kind: str
    name: str
    namespace: str = DEFAULT_NAMESPACE

    def __str__(self) -> str:
        """`Route 'shop'`, `Route 'team/shop'`: as errors write it."""
        return f"{self.kind} {qualified(self.namespace, self.name)!r}"


def qualified(namespace: str, name: str) -> str:
    """The name by which other namespaces and routers know it: plain in the default namespace, else NAMESPACE/NAME."""
    return name if namespace == DEFAULT_NAMESPACE else f"{namespace}/{name}"


def key_of(kind: str, qualified_name: str) -> Key:
    """The identity of the document of this kind that is known by this name."""
    namespace, _, name = qualified_name.rpartition("/")
    return Key(kind, name, namespace or DEFAULT_NAMESPACE)


def named_by(document: str, name: str) -> str:
    """The qualified name of what a document of a qualified name calls by this name."""
    namespace, slash, _ = document.rpartition("/")
    return f"{namespace}{slash}{name}"


def path_segment(qualified_name: str) -> str:
    """A qualified name as one segment of a URL: NAMESPACE_NAME. No name holds a `_`, so that no two become one.

    A slash would do for the eye, and `/team/v1` would then be both Model `v1` of namespace `team` and the API of Model
    `team`.
    """
    return qualified_name.replace("/", "_")
