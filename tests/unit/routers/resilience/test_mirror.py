"""The shadow's sample is fixed by salt and id, has the right size, and is bounded."""

from typing import Any

from control_plane.spec import resilience
from routers.resilience.mirror import Shadow


def shadow(**policy: Any) -> Shadow:
    return Shadow(resilience.Mirror.model_validate({"model": "shadow", "share": 0.2, **policy}))


def drawn(tried: Shadow, count: int = 5000) -> set[int]:
    return {number for number in range(count) if tried.draws(f"request-{number}")}


def test_the_sample_has_the_share_that_is_asked_for() -> None:
    assert 900 <= len(drawn(shadow(share=0.2))) <= 1100
    assert len(drawn(shadow(share=1))) == 5000


def test_every_router_draws_the_same_requests_and_another_salt_draws_others() -> None:
    assert drawn(shadow(salt="a")) == drawn(shadow(salt="a"))
    assert len(drawn(shadow(salt="a")) & drawn(shadow(salt="b"))) < 300


def test_a_request_is_drawn_or_not_however_often_it_is_asked_about() -> None:
    tried = shadow(share=0.5)
    assert drawn(tried, 100) == drawn(tried, 100)


def test_a_larger_share_holds_the_smaller_one() -> None:
    assert drawn(shadow(share=0.1)) < drawn(shadow(share=0.3))


def test_a_shadow_that_is_busy_gets_no_more() -> None:
    tried = shadow(maxConcurrent=2)
    assert [tried.enter() for _ in range(3)] == [True, True, False]
    tried.leave()
    assert tried.enter()
