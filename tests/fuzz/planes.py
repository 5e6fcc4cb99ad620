"""The control plane: requests to its API, and what its clients and the routers read of its answers."""

import asyncio
import atexit
import contextlib
import shutil
import tempfile
from functools import cache
from random import Random
from typing import Any, NamedTuple

import httpx2
import orjson
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from starlette.types import ASGIApp

from control_plane.api.app import create_app
from control_plane.api.decisions import decision_routes
from control_plane.api.outcomes import outcome_routes
from control_plane.api.waiting import WaitingRoom
from control_plane.api.witness import Witness
from control_plane.auth.authenticator import Authenticator
from control_plane.client.answers import checked, read
from control_plane.outcomes.intake import Intake
from control_plane.publisher import Publisher
from control_plane.spec.compile import SERVE_URL
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.records import Ack, Applied, Revision, SnapshotSummary
from control_plane.spec.snapshots import Snapshot, digest
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics
from routers import replay
from routers.outcome import Outcome
from routers.pipeline import decide
from routers.reading import Reader
from routers.runtime import Runtime
from routers.slices import at_once
from tests.fuzz.asgi import Answer, Asked, called
from tests.fuzz.codecs import DOCUMENTS, check_runtime
from tests.fuzz.decoder import Decoder
from tests.fuzz.mutations import bodies
from tests.unit.control_plane.outcomes.samples import exposure, feedback
from tests.unit.routers.decisions import part, question, written
from tests.unit.routers.samples import call, documents, snapshot, snapshot_body
from tests.unit.routers.tenants import tenant

# Requests.


class _Plane:
    """One control plane with a database of its own, which lasts as long as the process."""

    def __init__(self) -> None:
        folder = tempfile.mkdtemp(prefix="fuzz-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self._loop = asyncio.new_event_loop()
        database = Database(f"sqlite:///{folder}/control-plane.db")
        database.migrate()
        self._app = self._loop.run_until_complete(self._open(database))

    async def _open(self, database: Database) -> ASGIApp:
        metrics = ControlPlaneMetrics()
        room = WaitingRoom(database, metrics, seats=3)
        publisher = Publisher(database, SERVE_URL, room.ring)
        publisher.apply(documents(), "fuzzer")
        door, witness = Authenticator(database, is_open=True), Witness(database)
        decided = decision_routes(database, most=100, days=1)
        counted = outcome_routes(database, Intake(database, metrics))
        return create_app(publisher, room, metrics, 100_000, door, witness, decided, counted)

    def ask(self, asked: Asked) -> Answer:
        return self._loop.run_until_complete(called(self._app, asked))


@cache
def _plane() -> _Plane:
    return _Plane()


_BATCH = {"documents": DOCUMENTS, "author": "alice", "reason": "because"}
_NAMES = ["light", "shop", "acme", "none", "%00", "%ff", "a%2Fb", "x" * 300, "..", "%F0%9F%98%80", ""]
_NUMBERS = ["1", "2", "0", "-1", "9223372036854775807", "9223372036854775808", "9" * 30, "1.5", "latest", "%D9%A1"]
_VALUES = ["true", "", "x", "1", "-1", "9" * 30, "%00", "%ff", "NaN", "inf", "1e-3", "0", "a" * 3000]
_PARAMETERS = ["dryRun", "author", "reason", "before", "limit", "after", "anchor", "none", "%ff", ""]
_PATHS = {
    "PUT": ["/v1/models/{name}", "/v1/routes/{name}", "/v1/tenants/{name}"],
    "GET": ["/v1/models", "/v1/{name}", "/v1/models/{name}", "/v1/routes/{name}/revisions", "/v1/snapshots/latest",
            "/v1/snapshots/{number}", "/v1/snapshots", "/v1/openapi.json", "/{name}", "/v1/tokens", "/v1/audit",
            "/v1/audit/verify", "/v1/whoami"],
    "DELETE": ["/v1/tenants/{name}", "/v1/models/{name}", "/v1/tokens/{name}"],
    "POST": ["/v1/documents?dryRun=true", "/v1/documents/read", "/v1/snapshots/{number}/acks",
             "/v1/snapshots/{number}/rollback", "/v1/models/{name}", "/v1/tokens", "/v1/events", "/v1/feedback"],
}  # fmt: skip
_TYPES = [*[b"application/json"] * 9, b"", b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data"]


def _asked(seed: int, body: bytes) -> Asked:
    random = Random(seed)
    method = random.choice((*["POST"] * 5, *["PUT"] * 2, *["GET"] * 2, "DELETE"))
    target = random.choice(_PATHS[method]).format(name=random.choice(_NAMES), number=random.choice(_NUMBERS))
    for _ in range(random.choice((0, 0, 1, 3))):
        target += ("&" if "?" in target else "?") + f"{random.choice(_PARAMETERS)}={random.choice(_VALUES)}"
    return Asked(method, target, body, random.choice(_TYPES))


_ACK = {"router": "router-1", "error": "It does not build."}
_TOKEN = {"name": "light", "bindings": [{"role": "viewer", "namespace": "*"}], "expiresAt": "2036-01-01T00:00:00Z"}
_REPORT = {"id": "a", "unit": "ann", "name": "order", "value": 1.5, "at": "2026-01-02T00:00:00Z", "tenant": "acme"}
_EVENTS = {
    "router": "r",
    "spool": "0" * 32,
    "first": 1,
    "events": [exposure("a", 0, "ann"), feedback("b", 1, unit="ann")],
}
_BODIES = bodies(
    _BATCH, _BATCH, *DOCUMENTS, _ACK, _TOKEN, _REPORT, {"items": [_REPORT]}, _EVENTS, {"author": "alice", "reason": ""}
)


def _read_asked(asked: Asked) -> None:
    answer = _plane().ask(asked)
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        problem = orjson.loads(answer.body)
        assert problem["code"] in set(Code) and isinstance(problem["errors"], list), answer.body


# Answers.

_APPLIED = {
    "changes": [{"kind": "Model", "name": "faq", "generation": 1, "outcome": "created"}],
    "snapshot": 1,
    "published": True,
    "dryRun": False,
}
_PROBLEM = {"title": "no", "status": 422, "code": "invalid_document", "detail": "It is wrong.", "hint": "Correct it.",
            "errors": [{"field": "spec.tier", "message": "is missing"}]}  # fmt: skip
_SNAPSHOT = snapshot([*documents(), tenant()]).model_dump(mode="json", by_alias=True)
_KINDS: list[tuple[TypeAdapter[Any], str | None]] = [
    (TypeAdapter(Applied), None),
    (TypeAdapter(list[Any]), "items"),
    (TypeAdapter(list[Revision]), "items"),
    (TypeAdapter(list[SnapshotSummary]), "items"),
    (TypeAdapter(Snapshot), None),
    (TypeAdapter(Ack), None),
]


class _Said(NamedTuple):
    status: int
    problem: bool
    retry_after: bytes
    body: bytes


_RETRIES = st.sampled_from([b"", b"1", b"-1", b"9" * 5000, b"\xd9\xa1", b"1.5", b"soon"])
_SAID = st.builds(
    _Said,
    st.sampled_from([200, 204, 302, 404, 409, 422, 500, 503]),
    st.booleans(),
    _RETRIES,
    bodies(_APPLIED, _PROBLEM, _PROBLEM, _SNAPSHOT, {"items": [_APPLIED]}),
)


def _read_said(said: _Said) -> None:
    kind = b"application/problem+json" if said.problem else b"application/json"
    headers = [(b"content-type", kind), *([(b"retry-after", said.retry_after)] if said.retry_after else [])]
    response = httpx2.Response(
        said.status, headers=headers, content=said.body, request=httpx2.Request("GET", "http://h")
    )
    for adapter, member in _KINDS:
        with contextlib.suppress(TiermeshError):
            read(adapter, checked(response, "http://h"), member)


# Snapshots.


def _read_snapshot(body: bytes) -> None:
    reader, seen = Reader(), None
    with contextlib.suppress(TiermeshError):
        at_once(reader.read(snapshot_body(snapshot())))  # what it remembers of this one must not change the next
        seen = at_once(reader.read(body)).snapshot
    try:
        found = Snapshot.model_validate_json(body)
    except ValidationError:
        return
    assert seen is None or seen == found
    # Its own hash: what changed only in between is found by the hash alone.
    check_runtime(Runtime.build(found.model_copy(update={"sha256": digest(found.content)}), {}))


# Decisions.

_QUESTION = orjson.loads(
    question(written(call(), Outcome.of(decide(call(), Runtime.build(snapshot())))), part(snapshot(), "shop"))
)


def _read_question(body: bytes) -> None:
    orjson.loads(replay.replay(replay.read(body)).as_json())


DECODERS = (
    Decoder("control-plane", st.builds(_asked, st.integers(0, 2**32), _BODIES), _read_asked),
    Decoder("control-plane-answers", _SAID, _read_said),
    Decoder("snapshots", bodies(_SNAPSHOT), _read_snapshot),
    Decoder("replay", bodies(_QUESTION), _read_question),
)
