"""Model pins: which version each reference to the model registry stands for, kept so that nobody is asked again."""

from collections.abc import Iterable, Mapping

from sqlalchemy import delete, insert, select, update

from control_plane.spec.base import Spec
from control_plane.spec.documents import Document, Model
from control_plane.spec.served import references
from control_plane.spec.snapshots import Content
from control_plane.spec.versions import PinnedModel
from control_plane.store.database import Transaction
from control_plane.store.rows import record
from control_plane.store.tables import model_pins


class ModelPin(Spec):
    """One reference and the version that stands for it."""

    reference: str
    """As documents write it: `models:/NAME@ALIAS`."""
    model: PinnedModel
    observed: int
    """The version that the registry was last seen to say. It differs from the pinned one where that has not passed a
    gate, and after a rollback, which holds until the alias moves again."""
    problem: str | None = None
    """Why what was observed is not what is pinned."""


def read(transaction: Transaction) -> dict[str, ModelPin]:
    """All of them, by reference."""
    rows = transaction.execute(select(model_pins).order_by(model_pins.c.reference))
    return {row.reference: record(ModelPin, row) for row in rows}


def keep(transaction: Transaction, wanted: Mapping[str, ModelPin]) -> None:
    """Make the pins these: no document names any other."""
    stored = read(transaction)
    for reference in (name for name, pin in stored.items() if wanted.get(name) != pin):
        transaction.execute(delete(model_pins).where(model_pins.c.reference == reference))
    new = [
        pin.model_dump(by_alias=False) | {"model": pin.model.model_dump(mode="json")}
        for name, pin in wanted.items()
        if stored.get(name) != pin
    ]
    if new:
        transaction.execute(insert(model_pins), new)


def used(known: Mapping[str, ModelPin], documents: Iterable[Document]) -> dict[str, ModelPin]:
    """Those that a Model document names."""
    named = {name for document in documents if isinstance(document, Model) for name in references(document)}
    return {name: pin for name, pin in known.items() if name in named}


def held(content: Content, stored: Mapping[str, ModelPin]) -> dict[str, ModelPin]:
    """The pins that content was compiled with. What the registry was last seen to say stays what it is: a held version
    is left for another once that changes."""
    found: dict[str, ModelPin] = {}
    for weights in (backend.weights for backend in content.backends if backend.weights):
        name, before = weights.reference, stored.get(weights.reference)
        model = PinnedModel.model_validate(weights.model_dump(exclude={"reference"}))
        found[name] = ModelPin(reference=name, model=model, observed=before.observed if before else model.version)
    return found


def observe(transaction: Transaction, reference: str, observed: int, problem: str | None) -> None:
    """Note what the registry says, and why it is not followed."""
    noted = update(model_pins).where(model_pins.c.reference == reference).values(observed=observed, problem=problem)
    transaction.execute(noted)
