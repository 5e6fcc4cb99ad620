"""Audit: what was done or refused, one entry each, chained so that no entry changes or goes unnoticed."""

from typing import Annotated, Self

from pydantic import AwareDatetime, Field
from typing_extensions import override

from control_plane.spec.base import Spec

DONE = "done"
"""The outcome of what was not refused; what was refused has its error's code."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Deed(Spec):
    """Something that was done or refused."""

    at: AwareDatetime
    who: str
    """The author of a change; empty where nobody was known."""
    via: str
    """How it was known: `token NAME`, `oidc`, `loopback`; empty for the control plane itself and for strangers."""
    address: str
    """Where it was asked from; empty for the control plane itself."""
    action: str
    """`apply`, `delete`, `token create` …; of a refusal, the method and the path's template."""
    what: tuple[str, ...]
    """What it was done to; of a refusal, why it was refused."""
    reason: str = ""
    """As the author gave it."""
    outcome: str = DONE
    snapshot: int | None = None
    """The one in force afterwards, where the change was to documents."""
    times: int = Field(default=1, ge=1)
    """How often, where identical refusals are counted together."""


class Anchor(Spec):
    """An entry's number and hash: whoever keeps it elsewhere can tell later that nothing up to it was changed."""

    sequence: int = Field(ge=0)
    sha256: Sha256

    @classmethod
    def read(cls, text: str) -> Self:
        """From `NUMBER:SHA256`. Raises ValueError where it is something else."""
        number, _, sha256 = text.strip().partition(":")
        return cls(sequence=int(number), sha256=sha256)

    @override
    def __str__(self) -> str:
        return f"{self.sequence}:{self.sha256}"


class AuditEntry(Deed):
    """A deed in its place."""

    sequence: int = Field(ge=1)
    """Counts from 1 without gaps."""
    previous: Sha256
    """The hash of the entry before; of zeros alone for the first."""
    sha256: Sha256
    """Of this entry without this field."""


class Fault(Spec):
    """A place where the chain is not what was written."""

    sequence: int
    """The entry's number; 0 where the place has none."""
    what: str


class Verdict(Spec):
    """What `verify` found."""

    entries: int
    head: Anchor
    """The last entry; keep it elsewhere, and give it to a later `verify` as its anchor."""
    faults: tuple[Fault, ...]
    """The first hundred at most."""

    @property
    def holds(self) -> bool:
        """Whether everything is as it was written."""
        return not self.faults
