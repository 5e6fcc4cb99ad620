"""A decision that was written down comes out the same when it is worked out again."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.documents import Document
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from control_plane.spec.snapshots import Snapshot
from routers import replay
from routers.call import Call
from routers.decision import Decision, Load
from routers.outcome import Outcome
from routers.pipeline import choose, lighten, match
from routers.resilience.ladder import Step
from routers.runtime import Runtime
from routers.shortcuts import HIT
from tests.unit.routers.decisions import part, question, written
from tests.unit.routers.samples import EASY, HARD, call, chat, model, pinned, prompted, route, snapshot

_KEY = "TIERMESH_UPSTREAM_KEY_TEST"
_MODELS = ("a", "b", "c", "d")


@st.composite
def _documents(draw: st.DrawFn) -> list[Document]:
    """Some Models of both tiers and a Route over them; tensors or text."""
    engine = draw(st.sampled_from(["openai", "kserve"]))
    image = {"modalities": ["text", "image"]} if engine == "openai" else {}
    models = [
        model(
            name,
            "light" if index < 2 else "heavy",
            engine=engine,
            version=draw(st.sampled_from("12")),
            url="http://127.0.0.1:1",
            **(image if draw(st.booleans()) else {}),
            **({"apiKeyFromEnv": _KEY} if draw(st.booleans()) else {}),
        )
        for index, name in enumerate(_MODELS)
    ]
    light, heavy = (draw(st.lists(st.sampled_from(names), unique=True)) for names in (_MODELS[:2], _MODELS[2:]))
    rest = {
        "complexity": {"threshold": draw(st.floats(0, 1))},
        "cache": {"exact": {"enabled": draw(st.booleans())}},
        "resilience": {"fallbacks": draw(st.lists(st.sampled_from(_MODELS), unique=True))},
    }
    return [*models, route("shop", light or ([] if heavy else ["a"]), heavy, **rest), route("other", ["a"], [])]


_TEXTS = st.sampled_from([EASY, HARD, "yes", "1 + 1 = 2? And 3? Why?", "为什么？"]) | st.text(max_size=400)
_IMAGES = st.just([{"type": "image_url", "image_url": {"url": "data:,"}}, {"type": "text", "text": EASY}])
_TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": _TEXTS | _IMAGES}),
    min_size=1,
    max_size=4,
)


@st.composite
def _calls(draw: st.DrawFn) -> Call:
    """A request of any operation."""
    operation = draw(st.sampled_from(list(Operation)))
    tools = {"tools": [{"type": "function"}]} if draw(st.booleans()) else {}
    fields: dict[str, Any] = {
        Operation.COMPLETIONS: {"model": "shop", "prompt": draw(_TEXTS)},
        Operation.EMBEDDINGS: {"model": "shop", "input": draw(_TEXTS)},
    }.get(operation, chat(messages=draw(_TURNS)) | tools)
    headers = {b"cache-control": b"no-store"} if draw(st.booleans()) else {}
    read = Operation.CHAT if operation is Operation.INFER else operation
    asked = replace(call(fields, read, headers), operation=operation, version=draw(st.sampled_from(["", "1", "2"])))
    return replace(asked, fields={}) if operation is Operation.INFER else asked


def _outcome(asked: Call, of: Snapshot, light: bool) -> Outcome:
    """What the router decides. Raises TiermeshError where no Model may be asked."""
    decision = choose(asked, match(asked, Runtime.build(of, {_KEY: "secret"})))
    if light and decision.score is not None:
        return Outcome.of(lighten(asked, decision), Load(Step.LIGHT, 0.8))
    return Outcome.of(decision)


@given(_documents(), _calls(), st.booleans(), st.booleans())
def test_what_was_decided_is_decided_again(documents: list[Document], asked: Call, light: bool, hit: bool) -> None:
    of = snapshot(documents)
    try:
        outcome = _outcome(asked, of, light)
    except TiermeshError:
        return  # refused: there is no answer, and no record of one
    if hit:
        found = outcome.match
        outcome = Outcome(found, outcome.tier, outcome.score, (*found.reasons, HIT), "a")
    outcome.note("failed", "what comes then is no part of it")
    verdict = replay.replay(replay.read(question(written(asked, outcome), part(of, "shop"))))
    assert verdict.differences == ()
    assert orjson.loads(verdict.as_json())["same"] is True


def _recorded(**changes: Any) -> bytes:
    of = snapshot()
    return question(written(call(), _outcome(call(), of, False)), of, **changes)


def _different(body: bytes) -> dict[str, tuple[object, object]]:
    found = replay.replay(replay.read(body)).differences
    return {each.what: (each.recorded, each.recomputed) for each in found}


def test_what_comes_out_otherwise_is_named() -> None:
    assert _different(_recorded()) == {}
    assert _different(_recorded(revision="0" * 12))["revision"][0] == "0" * 12
    assert _different(_recorded(fresh=True)).keys() == {"reasons"}


def test_a_snapshot_that_decides_otherwise_is_seen() -> None:
    record = written(call(), _outcome(call(), snapshot(), False))
    changed = snapshot([model("light"), model("heavy", "heavy"), route(complexity={"threshold": 0})])
    different = _different(question(record, changed))
    assert different["candidates"] == (["light", "heavy"], ["heavy"])
    assert different["tier"] == ("light", "heavy")


def test_a_route_that_the_snapshot_does_not_hold_is_the_difference() -> None:
    record = written(call(), _outcome(call(), snapshot(), False))
    ((what, (_, recomputed)),) = _different(question(record, part(snapshot(), "nothing"))).items()
    assert (what, "There is no model 'shop'" in str(recomputed)) == ("decision", True)


def test_a_score_is_made_of_its_pushes_alone() -> None:
    record = written(call(), _outcome(call(), snapshot(), False)).model_dump(mode="json")
    more = record["choice"] | {"features": {"length": 1.0}}
    assert _different(_recorded(choice=more))["score"][1] == pytest.approx(0.632, abs=0.001)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"", Code.INVALID_REQUEST, "(document)"),
        (b"{}", Code.INVALID_REQUEST, "record"),
        (b'{"record":{},"snapshot":7}', Code.INVALID_REQUEST, "record.requestId"),
        (b" " * (replay.MAX_BODY_BYTES + 1), Code.BODY_TOO_LARGE, "bytes"),
    ],
)
def test_what_cannot_be_replayed_is_refused_by_its_field(body: bytes, code: Code, said: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        replay.read(body)
    assert caught.value.code is code
    assert said in caught.value.message


def test_an_altered_snapshot_is_refused() -> None:
    of = snapshot(sha256="0" * 64)
    record = written(call(), Outcome.of(_decided()))
    with pytest.raises(TiermeshError, match="does not have the hash"):
        replay.replay(replay.read(question(record, of)))


def _decided() -> Decision:
    return choose(call(), match(call(), Runtime.build(snapshot())))


@pytest.mark.parametrize("operation", [Operation.CHAT, Operation.EMBEDDINGS])
def test_a_prompt_is_part_of_the_decision_though_its_values_are_not_written_down(operation: Operation) -> None:
    """What the caller gave for the prompt's variables is not needed to decide again."""
    mesh = prompted(pinned(template="You help in {{language}}."))
    fields = chat(HARD, tiermesh={"variables": {"language": "secret"}})
    embedded = {"model": "shop", "input": "a"}
    asked = call(embedded if operation is Operation.EMBEDDINGS else fields, operation)
    matched = match(asked, mesh)
    record = written(asked, Outcome.of(choose(matched.prompted.call if matched.prompted else asked, matched)))
    assert ("prompt" in [step.code for step in record.steps]) is (operation is Operation.CHAT)
    assert "secret" not in record.model_dump_json()
    assert _different(question(record, part(mesh.snapshot, "shop"))) == {}
