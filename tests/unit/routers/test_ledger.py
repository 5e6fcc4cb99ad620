"""The ledger: each answer is counted and logged once."""

import json
import time

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Tier
from observability.metrics import RouterMetrics
from routers.ledger import Ledger
from routers.outcome import Outcome
from routers.pipeline import match
from tests.unit.routers.samples import call, runtime

MATCHED = match(call(), runtime())
OUTCOME = Outcome(MATCHED, Tier.LIGHT, 0.25, MATCHED.reasons, "faq")


async def test_an_answer_is_one_line_with_its_time_and_its_reasons() -> None:
    written: list[bytes] = []
    ledger = Ledger(RouterMetrics(), written.append)
    ledger.record(call(), OUTCOME.match, OUTCOME, "miss", time.monotonic() - 2, 200, None)
    ledger.flush()
    line = json.loads(b"".join(written))
    assert (line["logger"], line["route"], line["tier"], line["status"], line["error"]) == (
        "access",
        "shop",
        "light",
        200,
        None,
    )
    assert line["seconds"] >= 2
    assert line["time"].endswith("+00:00")
    assert line["reasons"] == ["route: model 'shop' is Route 'shop'"]
    assert written[0].endswith(b"\n")


async def test_a_failed_answer_says_by_which_code() -> None:
    written: list[bytes] = []
    ledger = Ledger(RouterMetrics(), written.append)
    ledger.record(
        call(), OUTCOME.match, OUTCOME, "miss", time.monotonic(), 504, TiermeshError(Code.DEADLINE_EXCEEDED, "late")
    )
    ledger.flush()
    assert json.loads(written[0])["error"] == "deadline_exceeded"


async def test_the_metrics_hold_what_was_recorded_a_moment_ago() -> None:
    ledger = Ledger(RouterMetrics(), None)
    ledger.record(call(), OUTCOME.match, OUTCOME, "miss", time.monotonic(), 200, None)
    counted = 'tiermesh_router_requests_total{cache="miss",model="faq",route="shop",status="200",tier="light"} 1.0'
    assert counted in "".join(ledger.exposition())
