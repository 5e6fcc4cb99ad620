"""Promises in service: what reports show moves a Route to the heavy tier, once, and stays known."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control_plane import promises
from control_plane.outcomes.intake import Intake
from control_plane.promises import Promises
from control_plane.publisher import Publisher
from control_plane.spec.names import key_of
from control_plane.spec.routes import Complexity, promise_of
from control_plane.spec.snapshots import CompiledRouter
from control_plane.spec.watched import PromiseState, PromiseStatus
from control_plane.stats.loss import LossWatch
from control_plane.store import artifacts, snapshots
from control_plane.store import promises as stored_promises
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics
from tests.learned import NAME, complexity, summary, text
from tests.unit.control_plane.outcomes.samples import BEGAN, batch, feedback
from tests.unit.control_plane.samples import generating, model, parsed, route

PROMISE = promise_of("shop", Complexity.model_validate(complexity()))


@pytest.fixture
def intake(database: Database) -> Intake:
    return Intake(database, ControlPlaneMetrics())


@pytest.fixture
def followed(database: Database) -> Promises:
    """A Route with a contract in force, and who looks at it."""
    publisher = Publisher(database, "http://h", lambda _snapshot: None)
    with database.write() as transaction:
        artifacts.add(transaction, NAME, summary(), text())
    publisher.apply(parsed(model(), generating(), route(complexity=complexity())), "alice")
    return Promises(publisher, ControlPlaneMetrics())


def exploration(request: str, below: bool, heavy: bool, **more: Any) -> dict[str, Any]:
    """As a router writes it."""
    terms = {"promise": PROMISE, "maxQualityLoss": 0.02, "confidence": 0.95, "outcome": "quality"}
    said = {"kind": "exploration", "id": request, "at": BEGAN.isoformat(), "route": "shop", **terms}
    return said | {"below": below, "tier": "heavy" if heavy else "light"} | more


def report(request: str, value: float, name: str = "quality", **more: Any) -> dict[str, Any]:
    return feedback(f"{request}-{name}-{value}", 1, name, value, request_id=request, **more)


def stands(database: Database) -> PromiseStatus:
    (found,) = promises.statuses(database)
    return found


def router(database: Database) -> CompiledRouter:
    with database.read() as transaction:
        found = snapshots.latest(transaction)
    assert found is not None
    compiled = found.content.routes[0].router
    assert compiled is not None
    return compiled


def losing(count: int, prefix: str = "r") -> list[dict[str, Any]]:
    """The light tier is wrong on everything that it is given, and the heavy one right."""
    draw = np.random.default_rng(0)
    events = []
    for number in range(count):
        heavy = bool(draw.random() < 0.5)
        events += [exploration(f"{prefix}{number}", True, heavy), report(f"{prefix}{number}", float(heavy))]
    return events


def test_a_broken_promise_moves_the_route_once_and_says_why(
    database: Database, intake: Intake, followed: Promises
) -> None:
    assert (followed.follow(), router(database).broken) == (0, False)
    intake.take(batch(1, *losing(100)))
    assert followed.follow() == 1
    assert router(database).broken
    with database.read() as transaction:
        found = snapshots.latest(transaction)
    assert found is not None
    assert (found.number, found.author) == (2, "contracts")
    assert found.reason == "what was reported shows that more is lost than was promised"
    assert followed.follow() == 0
    assert stands(database).state is PromiseState.BROKEN
    rendered = followed.metrics.render().decode()
    assert 'tiermesh_control_plane_contract_broken{route="shop"} 1.0' in rendered


def test_it_stays_broken_for_whoever_writes_documents_and_another_artifact_begins_anew(
    database: Database, intake: Intake, followed: Promises
) -> None:
    intake.take(batch(1, *losing(100)))
    followed.follow()
    followed.publisher.apply(parsed(route(complexity=complexity(), holdout={"percent": 1})), "alice")
    assert router(database).broken
    followed.publisher.apply(parsed(route(complexity=complexity(maxQualityLoss=0.03))), "alice")
    assert not router(database).broken


def test_a_control_plane_that_ends_before_it_has_told_routers_tells_them_when_it_is_back(
    database: Database, intake: Intake, followed: Promises
) -> None:
    intake.take(batch(1, *losing(100)))
    again = Database(database.url.render_as_string(hide_password=False))
    assert Promises(Publisher(again, "http://h", lambda _snapshot: None), ControlPlaneMetrics()).follow() == 1
    again.close()
    assert router(database).broken


def test_of_what_a_route_promised_only_the_last_is_current_and_all_is_kept(
    database: Database, intake: Intake, followed: Promises
) -> None:
    intake.take(batch(1, *losing(5)))
    assert stands(database).current
    followed.publisher.apply(parsed(route(complexity=complexity(maxQualityLoss=0.03))), "alice")
    assert not stands(database).current
    followed.publisher.apply(parsed(route(complexity=complexity())), "alice")
    assert stands(database).current
    followed.publisher.delete(key_of("Route", "shop"), "alice")
    assert (stands(database).current, stands(database).seen) == (False, 5)


def test_only_what_a_route_promises_is_measured(database: Database, intake: Intake, followed: Promises) -> None:
    intake.take(batch(1, *losing(100)))
    followed.follow()
    assert 'contract_broken{route="shop"} 1.0' in followed.metrics.render().decode()
    followed.publisher.apply(parsed(route(complexity=complexity(maxQualityLoss=0.03))), "alice")
    followed.follow()
    assert 'route="shop"' not in followed.metrics.render().decode()
    followed.publisher.apply(parsed(route(complexity=complexity())), "alice")
    followed.follow()
    assert 'contract_broken{route="shop"} 1.0' in followed.metrics.render().decode()


def test_few_reports_move_nothing(database: Database, intake: Intake, followed: Promises) -> None:
    intake.take(batch(1, *losing(5)))
    assert followed.follow() == 0
    assert (stands(database).state, stands(database).seen) == (PromiseState.UNSURE, 5)


_REQUESTS = st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=6)


@given(_REQUESTS, st.randoms(use_true_random=False), st.integers(1, 4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_each_request_counts_once_in_whatever_order_and_pieces_events_come(
    database: Database, requests: list[tuple[bool, bool, float]], random: Any, pieces: int
) -> None:
    with database.write() as transaction:
        for table in ("explorations", "promises", "feedback", "spools", "event_batches"):
            transaction.exec_driver_sql(f"delete from {table}")
    events = [exploration(f"r{number}", below, heavy) for number, (below, heavy, _) in enumerate(requests)]
    events += [report(f"r{number}", value) for number, (*_, value) in enumerate(requests)]
    events += events[:2]
    random.shuffle(events)
    intake, first = Intake(database, ControlPlaneMetrics()), 1
    for piece in (events[start : start + pieces] for start in range(0, len(events), pieces)):
        intake.take(batch(first, *piece))
        first += len(piece)
    found = stands(database)
    below = [one for one in requests if one[0]]
    weighted = sum((2 if heavy else -2) * value for _, heavy, value in below) / len(requests)
    assert (found.seen, found.below) == (len(requests), len(below))
    assert found.by_propensity.value == pytest.approx(weighted)


@pytest.mark.parametrize(
    "said",
    [
        report("r0", 1, name="click"),
        report("r0", 1.5),
        report("r0", -1),
        report("r0", 1, tenant="acme"),
    ],
)
def test_what_says_nothing_of_the_quality_does_not_count(
    database: Database, intake: Intake, said: dict[str, Any]
) -> None:
    intake.take(batch(1, exploration("r0", True, True), said))
    assert stands(database).seen == 0
    intake.take(batch(3, report("r0", 0.5)))
    assert stands(database).seen == 1


def test_the_first_report_of_a_request_counts_and_no_other(database: Database, intake: Intake) -> None:
    intake.take(batch(1, exploration("r0", True, True), report("r0", 1), report("r0", 0)))
    intake.take(batch(4, report("r0", 0.5)))
    assert stands(database).seen == 1
    assert stands(database).by_propensity.value == 2


def test_what_is_kept_is_the_whole_watch(database: Database, intake: Intake) -> None:
    intake.take(batch(1, *losing(20)))
    with database.read() as transaction:
        assert PROMISE is not None
        stored = stored_promises.get(transaction, PROMISE)
    assert stored is not None
    assert LossWatch(**stored.watch).seen == 20
