"""The journal: one record an answer, bounded, and nothing of what was said."""

import time
from dataclasses import replace

import orjson

from control_plane.spec.decisions import DecisionRecord
from control_plane.spec.errors import Code, TiermeshError
from observability.metrics import RouterMetrics
from routers.decision import Load
from routers.journal import MAX_RECORD_BYTES, Journal
from routers.ledger import Entry, Ledger
from routers.outcome import Outcome
from routers.pipeline import decide, match
from routers.resilience.ladder import Step
from tests.unit.routers.decisions import written
from tests.unit.routers.samples import HARD, call, chat, runtime


def entry(request_id: str, outcome: Outcome | None = None) -> Entry:
    """One answer."""
    outcome = outcome or Outcome.of(decide(call(), runtime()))
    said = (1e9, 0.1, request_id, "chat", False, "acme", "openai", "", False, False)
    return Entry(*said, outcome, "miss", 200, None, outcome.match)


def journal(spool: int = 3, recent: int = 3) -> tuple[Journal, RouterMetrics]:
    metrics = RouterMetrics()
    return Journal("router-1", metrics, spool, recent), metrics


def ids(lines: list[bytes]) -> list[str]:
    return [orjson.loads(line)["requestId"] for line in lines]


def dropped(metrics: RouterMetrics, why: str) -> float | None:
    return metrics.registry.get_sample_value("tiermesh_router_decisions_dropped_total", {"why": why})


def test_a_record_says_everything_but_what_was_said() -> None:
    asked = call(chat(HARD, tools=[{"type": "function"}], user="customer-7"), headers={b"cache-control": b"no-cache"})
    outcome = Outcome.of(decide(asked, runtime()))
    outcome.note("failed", "heavy: it broke")
    record = written(asked, outcome, "bypass", TiermeshError(Code.UPSTREAM_FAILED, "it broke"))
    assert record.choice is not None and outcome.decision is not None and outcome.decision.score is not None
    assert record.choice.features == outcome.decision.score.pushes
    assert (record.choice.candidates, record.choice.tier) == (("heavy",), "heavy")
    assert (record.fresh, record.tools, record.protocol, record.cache) == (True, True, "openai", "bypass")
    assert [step.code for step in record.steps] == ["route", "cache-refused", "at-threshold", "failed"]
    assert (record.decided, record.status, record.error) == (3, 502, "upstream_failed")
    text = record.model_dump_json()
    assert "Compare" not in text and "customer-7" not in text


def test_an_overloaded_route_is_told_with_its_step_and_pressure() -> None:
    outcome = Outcome.undecided(match(call(), runtime()))
    outcome.load = Load(Step.CACHE_ONLY, 0.95)
    record = written(call(), outcome)
    assert record.strain is not None and record.choice is None
    assert (record.strain.step, record.strain.pressure) == ("cache-only", 0.95)


def test_a_long_reason_is_cut() -> None:
    outcome = Outcome.of(decide(call(), runtime()))
    outcome.note("failed", "x" * 10_000)
    assert len(written(call(), outcome).steps[-1].text) == 500


def test_the_newest_record_of_an_id_comes_first_and_an_id_is_no_prefix() -> None:
    book, _ = journal()
    book.add([entry("a"), entry("ab"), replace(entry("a"), status=504)])
    assert [DecisionRecord.model_validate_json(line).status for line in book.find("a")] == [504, 200]
    assert book.find("b") == []


def test_what_waits_is_bounded_and_the_oldest_is_dropped_and_counted() -> None:
    book, metrics = journal(spool=2)
    book.add([entry(name) for name in "abcd"])
    assert ids(book.take(10, 10**6)) == ["c", "d"]
    assert dropped(metrics, "full") == 2


def test_what_is_taken_stays_until_it_has_arrived() -> None:
    book, metrics = journal()
    book.add([entry(name) for name in "abc"])
    assert ids(book.take(2, 10**6)) == ids(book.take(2, 10**6)) == ["a", "b"]
    book.sent()
    assert ids(book.take(2, 10**6)) == ["c"]
    book.sent(refused=True)
    assert (len(book), dropped(metrics, "refused")) == (0, 1)


def test_what_is_dropped_while_it_is_sent_is_not_taken_away_twice() -> None:
    book, _ = journal(spool=3)
    book.add([entry(name) for name in "abc"])
    book.take(2, 10**6)
    book.add([entry("d")])  # a is gone; b is still being sent
    book.sent()
    assert ids(book.take(9, 10**6)) == ["c", "d"]


def test_a_batch_is_bounded_in_bytes_too() -> None:
    book, _ = journal()
    book.add([entry(name) for name in "abc"])
    size = len(book.find("a")[0])
    assert ids(book.take(9, 2 * size + 2)) == ["a", "b"]
    assert ids(book.take(9, 1)) == ["a"]


def test_a_record_of_a_giant_route_is_not_sent_and_counted() -> None:
    book, metrics = journal()
    decision = decide(call(), runtime())
    crowd = replace(decision, candidates=decision.candidates * MAX_RECORD_BYTES)
    book.add([entry("a", Outcome.of(crowd)), entry("b")])
    assert (ids(book.take(9, 10**6)), dropped(metrics, "large")) == (["b"], 1)


async def test_the_ledger_hands_every_answer_on() -> None:
    book, _ = journal()
    ledger = Ledger(RouterMetrics(), None, book)
    outcome = Outcome.of(decide(call(), runtime()))
    ledger.record(call(), outcome.match, outcome, "miss", time.monotonic(), 200, None)
    ledger.flush()
    assert len(book.find("id-1")) == 1
