"""How a custom resource goes."""

from datetime import timedelta

from operators.observed import Standing
from tests.unit.operators.samples import NOW, accepted, condition, deleted, look, resource, routers

GONE = Standing(None, snapshot=9, changed=True)
AWAY = Standing(None, unreachable="The control plane does not answer.")
LATE = NOW + timedelta(seconds=300)


def test_its_document_goes_first() -> None:
    one = deleted(resource())
    for standing in (None, accepted(resource())):
        patch = look(one, standing=standing, presence=routers(4))
        assert (patch.withdraw, patch.release) == (True, False)


def test_it_is_held_until_no_router_serves_it() -> None:
    one = deleted(resource())
    assert not look(one, standing=GONE, presence=routers(9, 8)).release
    assert not look(one, standing=GONE).release
    assert look(one, standing=GONE, presence=routers(9, 9)).release
    assert look(one, standing=GONE, presence=routers()).release


def test_a_router_that_does_not_follow_holds_it_for_a_while_only() -> None:
    assert look(deleted(resource()), standing=GONE, presence=routers(8), now=LATE).release


def test_a_control_plane_that_does_not_answer_holds_it_for_a_while_only_and_an_event_says_so() -> None:
    one = deleted(resource())
    waiting = look(one, standing=AWAY)
    assert (waiting.release, condition(waiting, "Ready")) == (False, ("False", "ControlPlaneUnreachable"))
    late = look(one, standing=AWAY, now=LATE)
    assert (late.release, late.happenings[0].reason, late.happenings[0].warning) == (True, "ReleasedUnsaid", True)


def test_it_stays_as_long_as_another_document_names_it_and_says_which() -> None:
    one = deleted(resource())
    refused = Standing(None, refusal="Model 'team/small' is named by Route 'team/shop'.", reason="Conflict")
    patch = look(one, standing=refused, now=LATE)
    assert (patch.release, patch.withdraw, condition(patch, "Ready")) == (False, True, ("False", "InUse"))
    assert patch.again_seconds is not None


def test_it_goes_although_it_is_suspended_or_says_nothing_sensible() -> None:
    for spec in ({"suspend": True, "engine": "openai"}, {"engine": "nonsense"}):
        one = deleted(resource(spec=spec))
        assert look(one).withdraw
        assert look(one, standing=GONE, presence=routers(9)).release


def test_who_does_not_hold_it_does_nothing() -> None:
    patch = look(deleted(resource(finalizers=["others.example/x"])))
    assert (patch.writes, patch.withdraw) == (False, False)
