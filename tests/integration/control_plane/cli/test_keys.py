"""`tiermesh key`: shown once, kept as a hash, taken back."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from control_plane.cli.keys import create, revoke
from control_plane.client.http import Client
from control_plane.server import Addresses
from control_plane.spec.documents import Tenant
from control_plane.spec.tenants import Key
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.samples import tenant


@pytest.fixture
def acme(tiermesh: Run, tmp_path: Path) -> Run:
    """The command, and a Tenant without keys."""
    (tmp_path / "acme.yaml").write_text(yaml.safe_dump(tenant("acme", quotas={"usdPerDay": 5})))
    assert tiermesh("apply", "-f", tmp_path).code == 0
    return tiermesh


def keys(client: Client) -> tuple[Key, ...]:
    document = client.get("Tenant", "acme")
    assert isinstance(document, Tenant)
    assert document.spec.quotas.usd_per_day == 5
    return document.spec.keys


def test_a_key_is_shown_once_and_its_hash_is_kept(acme: Run, client: Client) -> None:
    ran = acme("key", "create", "acme", "--name", "checkout")
    key = ran.out.splitlines()[-1]
    assert key.startswith("tm-")
    assert len(key) == 46
    assert keys(client) == (Key.model_validate({"name": "checkout", "sha256": _sha256(key)}),)
    everything = [str(client.revisions("Tenant", "acme")), str(client.snapshot("latest").model_dump())]
    everything += [acme("describe", "tenant", "acme").out, acme("get", "tenants", "-o", "yaml").out]
    assert not [text for text in everything if key in text]


def test_keys_are_never_alike_and_have_names_of_their_own(acme: Run, client: Client) -> None:
    assert len({acme("key", "create", "acme").out.splitlines()[-1] for _ in range(3)}) == 3
    assert [key.name for key in keys(client)] == ["key-1", "key-2", "key-3"]
    acme("key", "revoke", "acme", "key-2")
    acme("key", "create", "acme")
    assert [key.name for key in keys(client)] == ["key-1", "key-3", "key-2"]
    taken = acme("key", "create", "acme", "--name", "key-1")
    assert (taken.code, "two keys have one name" in taken.err) == (1, True)


def test_a_key_may_end(acme: Run, client: Client) -> None:
    acme("key", "create", "acme", "--days", 30)
    (key,) = keys(client)
    assert key.expires_at is not None
    assert key.expires_at.date().isoformat() in acme("key", "list", "-o", "json").out


def test_list_shows_names_and_hashes(acme: Run, client: Client) -> None:
    acme("key", "create", "acme")
    (key,) = keys(client)
    rows = [line.split() for line in acme("key", "list").out.splitlines()]
    assert rows == [["TENANT", "NAME", "SHA256", "EXPIRES"], ["acme", "key-1", key.sha256[:12], "never"]]
    (listed,) = json.loads(acme("key", "list", "acme", "-o", "json").out)
    assert listed == {"tenant": "acme", "name": "key-1", "sha256": key.sha256, "expiresAt": None}
    assert yaml.safe_load(acme("key", "list", "-o", "yaml").out) == [listed]


def test_a_key_that_is_taken_back_is_gone(acme: Run, client: Client) -> None:
    acme("key", "create", "acme")
    assert acme("key", "revoke", "acme", "key-1", "--reason", "leaked").code == 0
    assert keys(client) == ()
    assert client.revisions("Tenant", "acme")[0].reason == "leaked"
    again = acme("key", "revoke", "acme", "key-1")
    assert (again.code, again.err) == (1, "error: Tenant 'acme' has no key 'key-1'. It has: none.\n")


def test_without_its_tenant_there_is_no_key(acme: Run) -> None:
    ran = acme("key", "create", "amce")
    assert ran.code == 1
    assert "There is no Tenant 'amce'. Did you mean 'acme'? Apply a document of kind Tenant first" in ran.err


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_keys_that_are_made_and_taken_back_at_once_do_not_undo_each_other(
    acme: Run, client: Client, addresses: Addresses
) -> None:
    acme("key", "create", "acme", "--name", "old")
    with ThreadPoolExecutor(5) as hands:
        done = [hands.submit(create, "acme", f"new-{number}", server=addresses.api) for number in range(4)]
        done.append(hands.submit(revoke, "acme", "old", server=addresses.api))
    assert [one.exception() for one in done] == [None] * 5
    assert sorted(key.name for key in keys(client)) == ["new-0", "new-1", "new-2", "new-3"]
