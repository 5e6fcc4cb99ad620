"""People: who asks the control plane, and what they may do there."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError
from typing_extensions import override

from control_plane.spec.base import Spec
from control_plane.spec.names import Name

EVERYWHERE: Literal["*"] = "*"
"""In place of a namespace: all of them, those to come included."""


Namespace = Annotated[str, Field(pattern=r"^(\*|[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?)$")]
"""A namespace's name, or `*` for all of them."""

_NAMESPACE: TypeAdapter[Namespace] = TypeAdapter(Namespace)


class Role(StrEnum):
    """What somebody may do in a namespace. Each may do what the ones before it may."""

    VIEWER = "viewer"
    """Read documents, snapshots and evidence."""
    EXPERIMENTER = "experimenter"
    """Change prompts and experiments."""
    OPERATOR = "operator"
    """Change all documents, promote versions, roll back."""
    ADMIN = "admin"
    """Give and take roles, approve moves of protected aliases, read the audit of everybody."""

    @property
    def rank(self) -> int:
        """The higher, the more it may do."""
        return list(Role).index(self)


class Binding(Spec):
    """One role in one namespace."""

    role: Role
    namespace: Namespace = EVERYWHERE

    @classmethod
    def read(cls, text: str) -> Self:
        """From `ROLE@NAMESPACE`. Raises ValueError that says what is wrong with it."""
        role, at, namespace = text.strip().partition("@")
        if role not in set(Role):
            raise ValueError(f"{role!r} is no role; there are {', '.join(Role)}")
        try:
            found = _NAMESPACE.validate_python(namespace)
        except ValidationError:
            found = None
        if not at or found is None:
            raise ValueError(f"{text.strip()!r} names no namespace; write it as {role}@default, or {role}@* for all")
        return cls(role=Role(role), namespace=found)

    @override
    def __str__(self) -> str:
        return f"{self.role}@{self.namespace}"


class Principal(Spec):
    """Who asks: a person or a program."""

    name: str
    bindings: tuple[Binding, ...]
    router: bool = False
    """Whether it may do what routers do, and people need not: follow snapshots, acknowledge them, deliver decisions."""
    via: str = ""
    """How it is known: `token NAME`, `oidc`, or `loopback` for whoever sits at this machine."""
    address: str = ""
    """Where it asks from."""

    def may(self, role: Role, namespace: str) -> bool:
        """Whether it has this role, or one that may do more, in a namespace."""
        return any(
            binding.role.rank >= role.rank and binding.namespace in (EVERYWHERE, namespace) for binding in self.bindings
        )

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where it has any role; `*` is everywhere."""
        return tuple(dict.fromkeys(binding.namespace for binding in self.bindings))


class Token(Spec):
    """An API token, without the secret: that is shown once, where it is made, and is kept nowhere."""

    name: Name
    """What people call it; never given twice, so that what was done with it stays told apart."""
    person: Name
    """Who it stands for: the author of what is done with it."""
    bindings: tuple[Binding, ...] = ()
    router: bool = False
    """Whether it may do what routers do."""
    created_at: AwareDatetime
    created_by: str
    expires_at: AwareDatetime | None = None
    """From this moment on it is refused; never, where it is left out."""
    last_used_at: AwareDatetime | None = None
    """To the hour."""
    revoked_at: AwareDatetime | None = None
    revoked_by: str | None = None


class TokenMade(Token):
    """A token in the one answer that shows it."""

    secret: Annotated[str, Field(repr=False)]
