"""The first start: an admin's token, shown once."""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from control_plane.auth.tokens import fingerprint, mint
from control_plane.spec.audit import Deed
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.people import Binding, Role, Token
from control_plane.store import audit, tokens
from control_plane.store.database import Database

AUTHOR = "control-plane"
NAME = "admin"


def make_admin(database: Database, show: Callable[[str], None]) -> None:
    """Make the admin's token where there was never a token, and `show` its secret: that is kept nowhere else.

    Shown before it is committed, so that no token exists that nobody was told.
    """
    now = datetime.now(UTC)
    with database.write() as transaction:
        if tokens.every(transaction):
            return
        token = Token(name=NAME, person=NAME, bindings=(Binding(role=Role.ADMIN),), createdAt=now, createdBy=AUTHOR)
        secret = mint()
        tokens.add(transaction, token, fingerprint(secret))
        what = (f"{token.name}: {token.bindings[0]}, without end",)
        audit.append(
            transaction,
            Deed(at=now, who=AUTHOR, via="", address="", action="token create", what=what, reason="first start"),
        )
        show(secret)


def shown(stream: TextIO, file: Path) -> Callable[[str], None]:
    """How the secret is shown: on the terminal of whoever starts this; elsewhere in a file for the owner alone.

    Never in a log: logs are kept, copied and read by many.
    """

    def on_terminal(secret: str) -> None:
        stream.write(f"The admin's token, shown this once:\n{secret}\n")

    return on_terminal if stream.isatty() else lambda secret: _write(file, secret)


def _write(file: Path, secret: str) -> None:
    """Write a new file that its owner alone can read, whole or not at all."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(f"{secret}\n")
        draft.replace(file)
    except OSError as error:
        message = f"The admin's token cannot be written to {file}: {error.strerror}."
        raise TiermeshError(Code.SETUP, message, "Name a folder that can be written with TIERMESH_HOME.") from error
