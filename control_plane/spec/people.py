"""People: who asks the control plane, and what they may do there."""

from enum import StrEnum
from typing import Literal

from control_plane.spec.base import Spec
from control_plane.spec.models import Name

EVERYWHERE: Literal["*"] = "*"
"""In place of a namespace: all of them, those to come included."""


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
    namespace: Name | Literal["*"] = EVERYWHERE


class Principal(Spec):
    """Who asks: a person or a program, known by a token."""

    name: str
    bindings: tuple[Binding, ...]

    def may(self, role: Role, namespace: str) -> bool:
        """Whether it has this role, or one that may do more, in a namespace."""
        return any(
            binding.role.rank >= role.rank and binding.namespace in (EVERYWHERE, namespace) for binding in self.bindings
        )
