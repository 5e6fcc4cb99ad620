"""`tiermesh key create | list | revoke`: who may call the mesh.

A key is shown once, where it is made; its Tenant's document holds its hash.
"""

import hashlib
import random
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from control_plane.cli.documents import written
from control_plane.cli.options import SERVER, As, Name, Namespace, Namespaces, Reason, Server, author, connect
from control_plane.cli.printing import Output, show, table, when
from control_plane.client.http import Client
from control_plane.spec.documents import Tenant, dump, parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import DEFAULT_NAMESPACE
from control_plane.spec.records import Applied
from control_plane.spec.tenants import Key

PREFIX = "tm-"
"""What every key begins with, so that people and secret scanners know one when they see it."""
_RANDOM_BYTES = 32
_ATTEMPTS = 20
_LONGEST_PAUSE_SECONDS = 1.0

Keys = list[dict[str, Any]]
"""Keys as they are written."""

Owner = Annotated[str, typer.Argument(metavar="TENANT", help="The Tenant's name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Who may call the mesh.")
    group.command(epilog="Example: tiermesh key create acme --name checkout --days 90")(create)
    group.command("list", epilog="Example: tiermesh key list acme -o json")(list_all)
    group.command(epilog="Example: tiermesh key revoke acme checkout --reason 'leaked'")(revoke)
    app.add_typer(group, name="key")


def create(
    tenant: Owner,
    name: Annotated[str | None, typer.Option("--name", help="What to call it; by default key-1, key-2 …")] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, help="How long it holds; by default for ever.")] = None,
    reason: Reason = "",
    output: As = Output.TABLE,
    namespace: Namespace = None,
    server: Server = SERVER,
) -> None:
    """Make a key, print it, and keep its hash alone: it cannot be shown again."""
    key = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    expires_at = None if days is None else datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    end = {} if expires_at is None else {"expiresAt": expires_at.isoformat()}
    sha256 = hashlib.sha256(key.encode()).hexdigest()

    def add(document: Tenant) -> Keys:
        return [*_said(document), {"name": name or _free_name(document), "sha256": sha256, **end}]

    with connect(server) as client:
        applied, kept = _write(client, tenant, namespace, add, reason)
    if output is not Output.TABLE:
        show({**applied.model_dump(mode="json"), "tenant": tenant, "key": {**kept[-1], "secret": key}}, output)
        return
    written(applied, output)
    typer.echo(f"Key {kept[-1]['name']} of {tenant}, shown this once:\n{key}")


def list_all(
    tenant: Annotated[str | None, typer.Argument(metavar="[TENANT]", help="All, where it is left out.")] = None,
    output: As = Output.TABLE,
    namespace: Namespaces = None,
    server: Server = SERVER,
) -> None:
    """Show names, hashes and ends of keys; the keys themselves are kept nowhere."""
    with connect(server) as client:
        space = namespace or DEFAULT_NAMESPACE
        documents = [client.get("Tenant", tenant, space)] if tenant else client.list("Tenant", space)
    keys = [(one.metadata.qualified_name, key) for one in documents if isinstance(one, Tenant) for key in one.spec.keys]
    values = [{"tenant": owner, **key.model_dump(mode="json")} for owner, key in keys]
    if output is not Output.TABLE:
        show(values, output)
    else:
        table(("TENANT", "NAME", "SHA256", "EXPIRES"), [_row(owner, key) for owner, key in keys])


def revoke(
    tenant: Owner,
    name: Name,
    reason: Reason = "",
    output: As = Output.TABLE,
    namespace: Namespace = None,
    server: Server = SERVER,
) -> None:
    """Take a key back: routers refuse it as soon as they follow the new snapshot."""

    def without(document: Tenant) -> Keys:
        kept = [key for key in _said(document) if key["name"] != name]
        if len(kept) == len(document.spec.keys):
            known = ", ".join(key.name for key in document.spec.keys) or "none"
            raise TiermeshError(Code.NOT_FOUND, f"Tenant {tenant!r} has no key {name!r}.", f"It has: {known}.")
        return kept

    with connect(server) as client:
        written(_write(client, tenant, namespace, without, reason)[0], output)


def _write(
    client: Client, name: str, namespace: str | None, change: Callable[[Tenant], Keys], reason: str
) -> tuple[Applied, Keys]:
    """Give a Tenant other keys. Where somebody else changes it meanwhile, what they wrote is read and changed again."""
    for attempt in range(_ATTEMPTS):
        document = _tenant(client, name, namespace or DEFAULT_NAMESPACE)
        keys = change(document)
        try:
            return client.apply([_with_keys(document, keys)], author(), reason), keys
        except TiermeshError as error:
            if not error.stale:
                raise
        time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS * (attempt + 1) / _ATTEMPTS))
    message = f"Tenant {name!r} is changed by others all the time."
    raise TiermeshError(Code.UNAVAILABLE, message, "Try again; nothing was changed.")


def _tenant(client: Client, name: str, namespace: str) -> Tenant:
    try:
        document = client.get("Tenant", name, namespace)
    except TiermeshError as error:
        if error.code is not Code.NOT_FOUND:
            raise
        hint = f"{error.hint} Apply a document of kind Tenant first; 'spec: {{}}' limits nothing."
        raise TiermeshError(error.code, error.message, hint) from error
    assert isinstance(document, Tenant)
    return document


def _free_name(tenant: Tenant) -> str:
    taken = {key.name for key in tenant.spec.keys}
    return next(name for number in range(1, len(taken) + 2) if (name := f"key-{number}") not in taken)


def _said(tenant: Tenant) -> Keys:
    """Its keys as they are written."""
    return list(dump(tenant)["spec"].get("keys", ()))


def _with_keys(tenant: Tenant, keys: Keys) -> Tenant:
    """The same document with other keys, read anew so that every rule holds."""
    document = dump(tenant)
    changed = parse({**document, "spec": {**document["spec"], "keys": keys}})
    assert isinstance(changed, Tenant)
    return changed


def _row(owner: str, key: Key) -> tuple[object, ...]:
    return owner, key.name, key.sha256[:12], when(key.expires_at) if key.expires_at else "never"
