"""Artifacts of learned routers, by the hash of their text: what is there never changes."""

import zlib
from collections.abc import Collection

from sqlalchemy import insert, select

from control_plane.spec.learned import LearnedRouter
from control_plane.store.database import Transaction
from control_plane.store.tables import artifacts


def add(transaction: Transaction, name: str, summary: LearnedRouter, text: str) -> bool:
    """Keep one. Whether it was not there."""
    if transaction.execute(select(artifacts.c.name).where(artifacts.c.name == name)).first() is not None:
        return False
    values = {"name": name, "summary": summary.model_dump(mode="json"), "text": zlib.compress(text.encode())}
    transaction.execute(insert(artifacts).values(values))
    return True


def get(transaction: Transaction, name: str) -> str | None:
    """The text of one."""
    packed = transaction.execute(select(artifacts.c.text).where(artifacts.c.name == name)).scalar()
    return None if packed is None else zlib.decompress(packed).decode()


def summaries(transaction: Transaction, names: Collection[str]) -> dict[str, LearnedRouter]:
    """What those of them that are there say, by name."""
    if not names:
        return {}
    rows = transaction.execute(select(artifacts.c.name, artifacts.c.summary).where(artifacts.c.name.in_(names)))
    return {row.name: LearnedRouter.model_validate(row.summary) for row in rows}
