"""`tiermesh why`: how an answer came about, what has changed since, and whether it would be decided so again."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from urllib.parse import quote

import typer

from control_plane.cli.admin_port import ROUTER_ADMIN_URL, Router, ask
from control_plane.cli.options import SERVER, As, Server, connect
from control_plane.cli.printing import Output, difference_lines, print_difference, show, table, when, yaml_text
from control_plane.client.http import Client
from control_plane.spec.base import Spec
from control_plane.spec.decisions import DecisionRecord, Learned, part_of
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import SCHEMA_VERSION, Snapshot, digest

Id = Annotated[str, typer.Argument(metavar="ID", help="The answer's x-request-id.")]
Whole = Annotated[bool, typer.Option("--whole", help="Compare whole snapshots, not the Route's part alone.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: tiermesh why 4f1c9f0c7be2466e9d4f4a8f3f1a2b3c")(why)


class Difference(Spec):
    """One thing that came out otherwise when the decision was worked out again."""

    what: str
    recorded: Any
    recomputed: Any


class Replay(Spec):
    """What came out when the decision was worked out again."""

    same: bool | None
    """None: it could not be, and `note` says why."""
    differences: tuple[Difference, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """All that is known of one answer."""

    record: DecisionRecord
    then: Snapshot | None
    """None where it is kept no more."""
    now: Snapshot | None
    diff: list[str]
    replay: Replay

    def dump(self) -> dict[str, Any]:
        """For programs."""
        return {
            "record": self.record.model_dump(mode="json"),
            "snapshot": _provenance(self.then),
            "latest": _provenance(self.now),
            "diff": self.diff,
            "replay": self.replay.model_dump(mode="json"),
        }


def why(
    request_id: Id,
    whole: Whole = False,
    output: As = Output.TABLE,
    server: Server = SERVER,
    router: Router = ROUTER_ADMIN_URL,
) -> None:
    """Show the decision about a request, the snapshot that was in force and its diff to now, and recompute it."""
    with connect(server) as client:
        archive, records = _found(request_id, client, router)
        accounts = [_account(record, archive, router, whole) for record in records]
    values = [account.dump() for account in accounts]
    if output is not Output.TABLE:
        show(values, output)
    else:
        for account in accounts:
            _print(account)


class Archive(Protocol):
    """Who keeps records and snapshots."""

    def decisions(self, request_id: str) -> list[DecisionRecord]:
        """The records of a request, newest first. Raises TiermeshError(NOT_FOUND)."""

    def snapshot(self, number: int | None) -> Snapshot:
        """A snapshot, or the one in force. Raises TiermeshError(NOT_FOUND)."""


class ControlPlane:
    """Keeps them for all routers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def decisions(self, request_id: str) -> list[DecisionRecord]:
        return self._client.decisions(request_id)

    def snapshot(self, number: int | None) -> Snapshot:
        return self._client.snapshot("latest" if number is None else number)


class OneRouter:
    """Keeps its own last ones."""

    def __init__(self, url: str) -> None:
        self._url = url

    def decisions(self, request_id: str) -> list[DecisionRecord]:
        found = ask(self._url, f"/decisions/{quote(request_id, safe=':')}")
        return [DecisionRecord.model_validate(item) for item in found["items"]]

    def snapshot(self, number: int | None) -> Snapshot:
        return Snapshot.model_validate(ask(self._url, f"/snapshots/{number or 'latest'}"))


def _found(request_id: str, client: Client, router: str) -> tuple[Archive, list[DecisionRecord]]:
    """Who knows of the request: the control plane; else the router, which knows what it has not sent yet."""
    central, own = ControlPlane(client), OneRouter(router)
    try:
        return central, central.decisions(request_id)
    except TiermeshError as error:
        if error.code not in (Code.NOT_FOUND, Code.UNAVAILABLE):
            raise
        try:
            records = own.decisions(request_id)
        except TiermeshError as also:
            raise TiermeshError(error.code, error.message, f"{error.hint} {also}") from also
        return (own if error.code is Code.UNAVAILABLE else central), records


def _account(record: DecisionRecord, archive: Archive, router: str, whole: bool) -> Account:
    then, now = _snapshot(archive, record.snapshot), _snapshot(archive, None)
    diff: list[str] = []
    if then is not None and now is not None and then.number != now.number:
        names = (f"snapshot {then.number}", f"snapshot {now.number}")
        diff = difference_lines(_text(then, record, whole), _text(now, record, whole), *names)
    return Account(record, then, now, diff, _replay(record, then, router))


def _snapshot(archive: Archive, number: int | None) -> Snapshot | None:
    try:
        return archive.snapshot(number)
    except TiermeshError as error:
        if error.code is not Code.NOT_FOUND:
            raise
        return None


def _text(snapshot: Snapshot, record: DecisionRecord, whole: bool) -> str:
    content = snapshot.content if whole else part_of(snapshot.content, record.route)
    return yaml_text(content.model_dump(mode="json"))


def _replay(record: DecisionRecord, then: Snapshot | None, router: str) -> Replay:
    """Have a router work the decision out again, from the part of the snapshot that its Route needs."""
    if then is None:
        return Replay(same=None, note=f"Snapshot {record.snapshot} is not kept any more.")
    if not then.has_its_hash:
        return Replay(same=None, note=f"Snapshot {record.snapshot} does not have the hash it claims: it was altered.")
    content = part_of(then.content, record.route)
    part = then.model_dump(mode="json") | {
        "schemaVersion": SCHEMA_VERSION,
        "sha256": digest(content),
        "content": content.model_dump(mode="json"),
    }
    known = {field.alias for field in Snapshot.model_fields.values()}
    question = {
        "record": record.model_dump(mode="json"),
        "snapshot": {name: value for name, value in part.items() if name in known},
    }
    try:
        answer = ask(router, "/replay", json.dumps(question).encode())
        different = tuple(Difference.model_validate(one) for one in answer["differences"])
        return Replay(same=bool(answer["same"]), differences=different)
    except TiermeshError as error:
        return Replay(same=None, note=str(error))


def _print(account: Account) -> None:
    record, choice = account.record, account.record.choice
    typer.echo(f"Request {record.request_id}: {record.status} after {record.seconds:.3f} s, {when(record.at)}")
    asked = f"{record.operation} over {record.protocol}" + (", as a stream" if record.stream else "")
    rows: list[tuple[str, object]] = [
        ("tenant", record.tenant),
        ("asked", f"{record.model} ({asked})"),
        ("router", record.router),
        ("route", f"{record.route}, revision {record.revision}, arm {record.arm}"),
        ("snapshot", _published(account.then) if account.then else f"{record.snapshot}, not kept any more"),
        ("tier", choice.tier if choice else record.tier),
        ("score", None if record.score is None else f"{record.score:.3f}"),
        ("features", ", ".join(f"{name} {push:.3g}" for name, push in choice.features.items()) if choice else ""),
        ("learned", _learned(choice.learned) if choice and choice.learned else ""),
        ("candidates", ", ".join(choice.candidates) if choice else ""),
        ("strain", record.strain and f"{record.strain.step}, {record.strain.pressure:.0%} of the places taken"),
        ("cache", record.cache),
        ("answered by", record.answered_by),
        ("error", record.error),
    ]
    table(("WHAT", "VALUE"), [row for row in rows if row[1] not in (None, "")])
    typer.echo("\nStep by step")
    kinds = ["decided" if index < record.decided else "happened" for index in range(len(record.steps))]
    table(("", "CODE", "WHY"), [(kind, step.code, step.text) for kind, step in zip(kinds, record.steps, strict=True)])
    _print_change(account)
    _print_replay(account.replay)


def _learned(said: Learned) -> str:
    chance = "" if said.drawn is None else f", drawn by chance: {said.drawn}"
    return f"gain {said.gain:.3f} by router {said.artifact}; propensity {said.propensity:.3g}{chance}"


def _print_change(account: Account) -> None:
    then, now = account.then, account.now
    if then is None or now is None:
        return
    if then.number == now.number:
        typer.echo(f"\nSince then: nothing; snapshot {now.number} is still in force.")
        return
    typer.echo(f"\nSince then: snapshot {_published(now)}")
    print_difference(account.diff)
    if not account.diff:
        typer.echo("Nothing changed for this Route.")


def _print_replay(replay: Replay) -> None:
    if replay.same is None:
        typer.echo(f"\nRecomputed: not possible. {replay.note}\n")
    elif replay.same:
        typer.echo("\nRecomputed: same.\n")
    else:
        typer.echo("\nRecomputed: different.")
        table(
            ("WHAT", "RECORDED", "RECOMPUTED"), [(one.what, one.recorded, one.recomputed) for one in replay.differences]
        )
        typer.echo()


def _published(snapshot: Snapshot) -> str:
    text = f"{snapshot.number}, by {snapshot.author}, {when(snapshot.created_at)}"
    return f"{text}: {snapshot.reason}" if snapshot.reason else text


def _provenance(snapshot: Snapshot | None) -> dict[str, Any] | None:
    if snapshot is None:
        return None
    return snapshot.model_dump(mode="json", include={"number", "sha256", "author", "reason", "created_at"})
