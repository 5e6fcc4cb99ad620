"""Pins: what each reference of a Route in force was resolved to, so that nothing has to be asked to compile again."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, insert, select, update

from control_plane.spec.base import Spec
from control_plane.spec.prompts import PinnedPrompt
from control_plane.store.database import Transaction
from control_plane.store.rows import record
from control_plane.store.tables import pins


class Pin(Spec):
    """One reference and the version that stands for it."""

    reference: str
    """As `RoutePrompt.reference` writes it."""
    prompt: PinnedPrompt
    observed: int
    """The version that the registry was last seen to say. It differs from the prompt's own after a rollback, which
    holds until the alias moves again, and where what it moved to cannot be used."""
    problem: str | None = None
    """Why what was observed is not what is pinned."""


def read(transaction: Transaction) -> dict[str, Pin]:
    """All of them, by reference."""
    rows = transaction.execute(select(pins).order_by(pins.c.reference))
    return {row.reference: record(Pin, row) for row in rows}


def keep(transaction: Transaction, wanted: Mapping[str, Pin]) -> None:
    """Make the pins these: no Route names any other."""
    stored = read(transaction)
    _forget(transaction, (reference for reference, pin in stored.items() if wanted.get(reference) != pin))
    new = [_values(pin) for reference, pin in wanted.items() if stored.get(reference) != pin]
    if new:
        transaction.execute(insert(pins), new)


def observe(transaction: Transaction, reference: str, observed: int, problem: str | None) -> None:
    """Note what the registry says, and why it is not followed."""
    noted = update(pins).where(pins.c.reference == reference).values(observed=observed, problem=problem)
    transaction.execute(noted)


def _forget(transaction: Transaction, references: Iterable[str]) -> None:
    for reference in references:
        transaction.execute(delete(pins).where(pins.c.reference == reference))


def _values(pin: Pin) -> dict[str, Any]:
    return pin.model_dump(by_alias=False) | {"prompt": pin.prompt.model_dump(mode="json")}
