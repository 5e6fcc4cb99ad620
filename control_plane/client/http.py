"""The control plane's HTTP API for other processes: `Client` for people's tools, `SnapshotFeed` for routers."""

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx2
from pydantic import SecretStr, TypeAdapter

from control_plane.client.answers import checked, read, unreachable
from control_plane.client.reaching import DEFAULT_URL, AsyncClient, reaching
from control_plane.spec.audit import Anchor, AuditEntry, Verdict
from control_plane.spec.decisions import DecisionRecord
from control_plane.spec.documents import PLURALS, Document, dump, parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import DEFAULT_NAMESPACE, EVERY_NAMESPACE, TIERMESH
from control_plane.spec.people import Principal, Token, TokenMade
from control_plane.spec.records import Ack, Applied, Revision, SnapshotSummary, SnapshotView
from control_plane.spec.snapshots import Snapshot
from control_plane.spec.watched import PromiseStatus

Decisions = list[DecisionRecord]
Documents = list[Document]
Revisions = list[Revision]
Summaries = list[SnapshotSummary]
Tokens = list[Token]
Entries = list[AuditEntry]
Promises = list[PromiseStatus]

_ERROR_CHARACTERS = 4000
_PATHS = {kind: f"/v1/{plural}" for plural, kind in PLURALS.items()}
_ACK = TypeAdapter(Ack)
_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
_APPLIED = TypeAdapter(Applied)
_DECISIONS = TypeAdapter(Decisions)
_ITEMS = TypeAdapter(list[Any])
_REVISIONS = TypeAdapter(Revisions)
_SNAPSHOT = TypeAdapter(Snapshot)
_SUMMARIES = TypeAdapter(Summaries)
_VIEW = TypeAdapter(SnapshotView)
_PRINCIPAL = TypeAdapter(Principal)
_TOKEN = TypeAdapter(Token)
_TOKENS = TypeAdapter(Tokens)
_MADE = TypeAdapter(TokenMade)
_ENTRIES = TypeAdapter(Entries)
_VERDICT = TypeAdapter(Verdict)
_ADDED = TypeAdapter(bool)
_PROMISES = TypeAdapter(Promises)
_TEXT = TypeAdapter(str)


class Client:
    """Synchronous client: one method for each thing a person does.

    Every method raises TiermeshError: UNAVAILABLE with the URL where nothing answers, the server's own error otherwise.
    """

    def __init__(self, url: str = DEFAULT_URL, timeout_seconds: float = 30, token: SecretStr | None = None) -> None:
        self.url = url
        self._has_token = token is not None
        self._http = httpx2.Client(**reaching(url, timeout_seconds, token))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the pooled connections."""
        self._http.close()

    def apply(
        self,
        documents: Iterable[Document],
        author: str,
        reason: str = "",
        dry_run: bool = False,
        manager: str = TIERMESH,
    ) -> Applied:
        """Create or change all documents, or none of them. `dry_run` answers the same and writes nothing.

        CONFLICT where one has a resourceVersion that is not the last (the error is `stale`), or another manager.
        """
        said = [dump(document) for document in documents]
        body = {"documents": said, "manager": manager, **self._signed(author, reason)}
        params = {"dryRun": "true"} if dry_run else {}
        return read(_APPLIED, self._call("POST", "/v1/documents", json=body, params=params))

    def list(self, kind: str, namespace: str = DEFAULT_NAMESPACE) -> Documents:
        """All documents of a kind in a namespace, or in all ("*"), by namespace and name, with their versions."""
        params = _within(namespace)
        return [parse(item) for item in read(_ITEMS, self._call("GET", _path(kind), params=params), "items")]

    def get(self, kind: str, name: str, namespace: str = DEFAULT_NAMESPACE) -> Document:
        """One document as it was last written, with its version."""
        return parse(read(_ANYTHING, self._call("GET", _path(kind, name), params=_within(namespace))))

    def delete(
        self,
        kind: str,
        name: str,
        author: str,
        reason: str = "",
        namespace: str = DEFAULT_NAMESPACE,
        resource_version: str | None = None,
        manager: str = TIERMESH,
    ) -> Applied:
        """Delete one document; CONFLICT where another names it, or it has another version or manager."""
        params = {"manager": manager, **self._signed(author, reason), **_within(namespace)}
        if resource_version is not None:
            params["resourceVersion"] = resource_version
        return read(_APPLIED, self._call("DELETE", _path(kind, name), params=params))

    def keep_artifact(self, name: str, text: str) -> bool:
        """Have a learned router kept for Routes that name it. Whether it was not there."""
        return read(_ADDED, self._call("PUT", f"/v1/artifacts/{name}", json={"text": text}), "added")

    def artifact(self, name: str) -> str:
        """The text of a learned router."""
        return read(_TEXT, self._call("GET", f"/v1/artifacts/{quote(name, safe='')}"), "text")

    def promises(self) -> Promises:
        """How the quality contracts of Routes stand, by Route; the one that was heard of last at the end."""
        return read(_PROMISES, self._call("GET", "/v1/promises"), "items")

    def export(self, namespace: str = EVERY_NAMESPACE) -> Documents:
        """All documents of all kinds, without their versions: applied elsewhere they say the same."""
        params = {"namespace": namespace}
        return [parse(item) for item in read(_ITEMS, self._call("GET", "/v1/documents", params=params), "items")]

    def revisions(self, kind: str, name: str, namespace: str = DEFAULT_NAMESPACE) -> Revisions:
        """Everything that was ever written under this name, newest first."""
        params = _within(namespace)
        return read(_REVISIONS, self._call("GET", f"{_path(kind, name)}/revisions", params=params), "items")

    def snapshots(self) -> Summaries:
        """The newest snapshots, newest first."""
        return read(_SUMMARIES, self._call("GET", "/v1/snapshots"), "items")

    def snapshot(self, number: int | Literal["latest"] = "latest") -> SnapshotView:
        """One snapshot with its documents and acknowledgements."""
        if number == "latest":
            number = read(_SNAPSHOT, self._call("GET", "/v1/snapshots/latest")).number
        return read(_VIEW, self._call("GET", f"/v1/snapshots/{number}"))

    def decisions(self, request_id: str) -> Decisions:
        """What is written down of a request, newest first: several records where callers chose one id."""
        return read(_DECISIONS, self._call("GET", f"/v1/decisions/{quote(request_id, safe='')}"), "items")

    def rollback(self, number: int, author: str, reason: str = "", manager: str = TIERMESH) -> Applied:
        """Restore the documents of a snapshot as new revisions and publish them under a new number.

        CONFLICT where that changes a document of another manager.
        """
        body = {"manager": manager, **self._signed(author, reason)}
        return read(_APPLIED, self._call("POST", f"/v1/snapshots/{number}/rollback", json=body))

    def whoami(self) -> Principal:
        """Who the control plane takes this client for."""
        return read(_PRINCIPAL, self._call("GET", "/v1/whoami"))

    def tokens(self) -> Tokens:
        """API tokens by name, without their secrets."""
        return read(_TOKENS, self._call("GET", "/v1/tokens"), "items")

    def create_token(self, wanted: dict[str, Any]) -> TokenMade:
        """Make a token, and read its secret this once."""
        return read(_MADE, self._call("POST", "/v1/tokens", json=wanted))

    def revoke_token(self, name: str, reason: str = "") -> Token:
        """Take a token back."""
        path = f"/v1/tokens/{quote(name, safe='')}"
        return read(_TOKEN, self._call("DELETE", path, params={"reason": reason}))

    def audit(self, before: int | None = None, after: int | None = None, limit: int = 100) -> Entries:
        """Entries of the audit: the newest first, or behind `after` the oldest first."""
        params = {"before": before, "after": after, "limit": limit}
        given = {name: value for name, value in params.items() if value is not None}
        return read(_ENTRIES, self._call("GET", "/v1/audit", params=given), "items")

    def verify_audit(self, anchors: Iterable[Anchor] = ()) -> Verdict:
        """Whether the audit is as it was written."""
        params = [("anchor", str(anchor)) for anchor in anchors]
        return read(_VERDICT, self._call("GET", "/v1/audit/verify", params=params))

    def _signed(self, author: str, reason: str | None = None) -> dict[str, str]:
        """Who and, where it is asked for, why; whoever shows a token is the author, and says no name."""
        said = {} if reason is None else {"reason": reason}
        return said if self._has_token else {"author": author, **said}

    def _call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        try:
            return checked(self._http.request(method, path, **options), self.url)
        except httpx2.TransportError as error:
            raise unreachable(self.url, error) from error


class SnapshotFeed(AsyncClient):
    """Follows the snapshots and says what became of them."""

    async def latest(self, after: int | None, wait_seconds: float) -> Snapshot | None:
        """The snapshot in force if its number is not `after`; waits for one; None where none came.

        A number below `after` is an answer too: the control plane was set up anew, and what it says now is in force.
        """
        response = await self._latest(after, wait_seconds)
        return None if response is None else read(_SNAPSHOT, response)

    async def latest_body(self, after: int | None, wait_seconds: float) -> bytes | None:
        """The same as it came: JSON that is still to be read."""
        response = await self._latest(after, wait_seconds)
        return None if response is None else response.content

    async def _latest(self, after: int | None, wait_seconds: float) -> httpx2.Response | None:
        params = {"wait": str(wait_seconds)} | ({} if after is None else {"after": str(after)})
        timeout = httpx2.Timeout(self._timeout_seconds, read=wait_seconds + self._timeout_seconds)
        response = await self._call("GET", "/v1/snapshots/latest", params=params, timeout=timeout)
        return None if response.status_code == httpx2.codes.NO_CONTENT else response

    async def artifact(self, name: str) -> str:
        """The text of a learned router."""
        return read(_TEXT, await self._call("GET", f"/v1/artifacts/{quote(name, safe='')}"), "text")

    async def acknowledge(self, number: int, router: str, error: str | None) -> Ack:
        """Say that `router` serves this snapshot, or why it cannot be built."""
        body = {"router": router, "error": None if error is None else error[:_ERROR_CHARACTERS]}
        return read(_ACK, await self._call("POST", f"/v1/snapshots/{number}/acks", json=body))


def _within(namespace: str) -> dict[str, str]:
    return {} if namespace == DEFAULT_NAMESPACE else {"namespace": namespace}


def _path(kind: str, name: str | None = None) -> str:
    if kind not in _PATHS:
        raise TiermeshError(
            Code.INVALID_REQUEST, f"There is no kind {kind!r}.", f"Known kinds are {', '.join(_PATHS)}."
        )
    return _PATHS[kind] if name is None else f"{_PATHS[kind]}/{quote(name, safe='')}"
