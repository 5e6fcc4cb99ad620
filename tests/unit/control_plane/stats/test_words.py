import pytest

from control_plane.stats import words
from tests.unit.control_plane.stats.samples import ERRORS, LATENCY, RESOLVED, judged


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"), (1e6, "12 days")],
)
def test_durations_are_said_as_one_would(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_a_sentence_names_three_comparisons_and_counts_the_others() -> None:
    alike = (0.6, 0.01, 1.0)
    said = judged((RESOLVED, ERRORS, LATENCY), 200_000, control=alike, b=alike, c=alike).words
    assert said.startswith("No arm differs from control by more than its margin: resolved 60% against 60% (+0 points,")
    assert said.endswith("; and 3 more.") and said.count(" against ") == 3
    waiting = judged((RESOLVED, ERRORS, LATENCY), 50, control=alike, b=alike, c=alike).words
    assert waiting == "Keep going: resolved of b, resolved of c, errors of b, 3 more are not decided."


def test_what_is_not_a_share_is_told_relative_to_the_control() -> None:
    said = judged((LATENCY,), 20_000, stable=(1.0,), candidate=(1.3,)).words
    assert said.startswith("candidate breaks a guardrail: latency 2.9") and "(+30%, +2" in said
