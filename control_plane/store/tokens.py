"""Tokens: who may ask the control plane. Of their secrets it holds hashes alone."""

from datetime import datetime

from sqlalchemy import insert, or_, select, update

from control_plane.spec.people import Binding, Token
from control_plane.store.database import Transaction
from control_plane.store.rows import record
from control_plane.store.tables import tokens

_SHOWN = [column for column in tokens.c if column.name != "sha256"]


def every(transaction: Transaction) -> list[Token]:
    """All tokens there ever were, by name."""
    return [record(Token, row) for row in transaction.execute(select(*_SHOWN).order_by(tokens.c.name))]


def get(transaction: Transaction, name: str) -> Token | None:
    """The token of that name, or None."""
    row = transaction.execute(select(*_SHOWN).where(tokens.c.name == name)).first()
    return None if row is None else record(Token, row)


def by_sha256(transaction: Transaction, sha256: str) -> Token | None:
    """The token whose secret has that hash, or None."""
    row = transaction.execute(select(*_SHOWN).where(tokens.c.sha256 == sha256)).first()
    return None if row is None else record(Token, row)


def add(transaction: Transaction, token: Token, sha256: str) -> None:
    """Write a new token down."""
    values = token.model_dump(by_alias=False) | {"bindings": [one.model_dump(mode="json") for one in token.bindings]}
    transaction.execute(insert(tokens).values(**values, sha256=sha256))


def revoke(transaction: Transaction, name: str, by: str, at: datetime) -> None:
    """Take a token back; its row stays, so that its name is never given again."""
    transaction.execute(update(tokens).where(tokens.c.name == name).values(revoked_at=at, revoked_by=by))


def grant(transaction: Transaction, name: str, bindings: tuple[Binding, ...], router: bool) -> None:
    """Let a token do this from now on, and nothing else."""
    values = {"bindings": [one.model_dump(mode="json") for one in bindings], "router": router}
    transaction.execute(update(tokens).where(tokens.c.name == name).values(**values))


def used(transaction: Transaction, name: str, at: datetime) -> None:
    """Write down that a token was used, unless a later use is known already."""
    earlier = or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at < at)
    transaction.execute(update(tokens).where(tokens.c.name == name, earlier).values(last_used_at=at))
