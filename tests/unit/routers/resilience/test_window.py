"""A window counts what is recent and forgets the rest."""

from hypothesis import given
from hypothesis import strategies as st

from routers.resilience.window import Window

CALLS = st.lists(st.tuples(st.floats(0, 5), st.booleans(), st.booleans()), min_size=1, max_size=60)


@given(calls=CALLS)
def test_every_call_of_the_last_nine_tenths_counts_and_none_older_than_the_window(
    calls: list[tuple[float, bool, bool]],
) -> None:
    window, now, seen = Window(10), 0.0, list[tuple[float, bool, bool]]()
    for pause, failed, slow in calls:
        now += pause
        window.add(now, failed, slow)
        seen.append((now, failed, slow))
        recent = [call for call in seen if call[0] > now - 9]
        possible = [call for call in seen if call[0] > now - 10 - 1e-9]
        assert len(recent) <= window.calls <= len(possible)
        assert sum(call[1] for call in recent) <= window.failures <= sum(call[1] for call in possible)
        assert sum(call[2] for call in recent) <= window.slow <= sum(call[2] for call in possible)


def test_a_window_that_is_cleared_has_seen_nothing() -> None:
    window = Window(10)
    window.add(0, True, True)
    window.clear()
    assert (window.calls, window.failures, window.slow) == (0, 0, 0)
