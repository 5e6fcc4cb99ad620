"""Runs against a real HTTP server that answers, judges and embeds."""

from typing import Any

import httpx2
import pytest

from control_plane.evaluation import running
from control_plane.evaluation.running import Endpoint, Run
from control_plane.evaluation.scoring import Scored
from control_plane.spec.errors import Code, TiermeshError
from tests.openai_stub import Answers, said, serving
from tests.unit.control_plane.evaluation.samples import SHA256, question

NEAR = {"similarity": {"to": ["Paris"], "atLeast": 0.9, "by": "faq"}}
JUDGED = {"judged": {"rubric": "Names Paris.", "by": "judge"}}


def run(answers: Answers, *expectations: dict[str, Any]) -> list[Scored]:
    """The version is `v`; `faq` embeds and `judge` judges."""
    items = [question(f"q{number}", **expect) for number, expect in enumerate(expectations)]
    with serving(answers) as api, httpx2.Client(trust_env=False) as http:
        return Run(Endpoint(api.url, "v", "secret"), Endpoint(api.url, ""), http).answer_all(items)


def mesh(answer: str = "Paris", verdict: str = '{"verdict": "pass", "reason": "right"}') -> Answers:
    """A mesh whose version says one thing, whose judge another, and whose embeddings know Paris from the rest."""

    def answers(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == "embeddings":
            return 200, {"data": [{"embedding": [1, 0] if "Paris" in text else [0, 1]} for text in body["input"]]}
        return said(verdict if body["model"] == "judge" else answer)

    return answers


def test_every_kind_of_expectation_is_met_by_the_right_answer_and_missed_by_a_wrong_one() -> None:
    every = ({"exact": "Paris"}, {"regex": "Par+is"}, NEAR)
    assert [one.passed for one in run(mesh(), *every, JUDGED)] == [True] * 4
    wrong = run(mesh("Lyon", '{"verdict": "fail", "reason": "names Lyon"}'), *every, JUDGED)
    assert [one.passed for one in wrong] == [False] * 4
    assert [one.why for one in wrong] == [
        "is not 'Paris'",
        "has nothing like 'Par+is'",
        "has similarity 0.000; 0.9 is needed",
        "was judged: names Lyon",
    ]


def test_a_judge_that_says_anything_else_passes_nothing() -> None:
    (one,) = run(mesh("Paris", 'Sure! {"verdict": "pass", "reason": ""}'), JUDGED)
    assert not one.passed and "did not answer with the verdict alone" in one.why


def test_requests_are_greedy_carry_the_key_and_take_no_cached_answer() -> None:
    with serving(mesh()) as api, httpx2.Client(trust_env=False) as http:
        Run(Endpoint(api.url, "v", "secret"), Endpoint(api.url, ""), http).answer_all([question()])
    (asked,) = api.asked
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("v", 0, 256)
    assert asked["headers"]["authorization"] == "Bearer secret"
    assert asked["headers"]["cache-control"] == "no-cache"
    assert "secret" not in repr(Endpoint("u", "v", "secret"))


def test_a_refusal_fails_its_question_and_says_why() -> None:
    refusal = {"error": {"message": "too long"}}
    (one,) = run(lambda path, body: (400, refusal), {"exact": "Paris"})
    assert not one.passed and one.why == "was refused with 400: too long"
    (one,) = run(lambda path, body: (200, {"choices": []}), {"exact": "Paris"})
    assert "no choices" in one.why
    (one,) = run(lambda path, body: (422, b"not json"), {"exact": "Paris"})
    assert "422: without a reason" in one.why


def test_a_judge_or_embedding_that_is_refused_fails_the_question() -> None:
    def answers(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        wrong = (200, {"data": [{"embedding": ["x"]}]}) if path == "embeddings" else (404, {})
        return said("Paris") if body["model"] == "v" else wrong

    assert [one.why.split(":")[0] for one in run(answers, NEAR, JUDGED)] == ["could not be judged"] * 2


def test_a_server_that_fails_for_good_leaves_nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_PAUSE_SECONDS", 0)
    with pytest.raises(TiermeshError, match="does not answer for 'v': it answered 503.*Nothing was stored") as raised:
        run(lambda path, body: (503, {}), {"exact": "Paris"})
    assert raised.value.code is Code.UNAVAILABLE


def test_a_server_that_fails_once_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_PAUSE_SECONDS", 0)
    statuses = [503, 429, 200]
    (one,) = run(lambda path, body: (statuses.pop(0), said("Paris")[1]), {"exact": "Paris"})
    assert one.passed


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ({"data": [{"id": "w"}, {"id": "v", "tiermesh": {"sha256": SHA256}}]}, SHA256),
        ({"data": [{"id": "v"}]}, None),
        ({"data": "v"}, None),
        ([], None),
    ],
)
def test_the_weights_that_answer_are_what_the_server_says_of_them(listed: Any, found: str | None) -> None:
    with serving(lambda path, body: (200, listed)) as api, httpx2.Client(trust_env=False) as http:
        assert Run(Endpoint(api.url, "v"), Endpoint(api.url, ""), http).weights() == found
