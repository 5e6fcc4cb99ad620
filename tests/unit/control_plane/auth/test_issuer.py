"""A provider's keys are fetched rarely, within bounds, and outlive its absence."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from control_plane.auth import issuer as module
from control_plane.auth.issuer import FRESH_SECONDS, LONGEST_ANSWER, PAUSE_SECONDS, Issuer
from control_plane.auth.jwts import Head
from control_plane.spec.errors import Code, TiermeshError
from tests.unit.control_plane.auth.forge import jwk, private
from tests.unit.control_plane.auth.providers import Answers, answering

_FIRST, _SECOND = Head("RS256", "k1"), Head("RS256", "k2")
_KEYS = {"keys": [jwk(private())]}
_BOTH = {"keys": [jwk(private()), jwk(private("RSA", 1), "k2")]}


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    """Time that passes when a test says so."""
    return _Clock()


@pytest.fixture
async def answers() -> AsyncIterator[Answers]:
    """A good provider with one key."""
    async with answering() as found:
        found.discovery()
        found.says("/jwks", _KEYS)
        yield found


async def _ids(issuer: Issuer, head: Head) -> list[str]:
    return [key["kid"] for key in await issuer.keys(head)]


async def _away(issuer: Issuer) -> TiermeshError:
    with pytest.raises(TiermeshError, match="does not give its keys") as raised:
        await issuer.keys(_FIRST)
    assert raised.value.code is Code.UNAVAILABLE
    return raised.value


async def test_keys_are_found_by_discovery_and_fetched_once_for_all(answers: Answers, clock: _Clock) -> None:
    issuer = Issuer(answers.url, clock)
    found = await asyncio.gather(*(_ids(issuer, _FIRST) for _ in range(20)))
    assert found == [["k1"]] * 20
    assert answers.asked == ["/.well-known/openid-configuration", "/jwks"]


async def test_a_new_key_is_fetched_when_a_token_names_it_but_not_more_often_than_so(
    answers: Answers, clock: _Clock
) -> None:
    issuer = Issuer(answers.url, clock)
    await issuer.keys(_FIRST)
    answers.says("/jwks", _BOTH)
    assert await _ids(issuer, _SECOND) == []
    clock.now = PAUSE_SECONDS
    assert await _ids(issuer, _SECOND) == ["k2"]
    for number in range(50):
        assert await _ids(issuer, Head("RS256", f"made-up-{number}")) == []
    assert answers.asked.count("/jwks") == 2


async def test_whoever_says_that_the_known_keys_are_wrong_is_heard_no_more_often(
    answers: Answers, clock: _Clock
) -> None:
    issuer = Issuer(answers.url, clock)
    await issuer.keys(_FIRST)
    clock.now = PAUSE_SECONDS
    for _ in range(50):
        await issuer.keys(Head("RS256", None), anew=True)
    assert answers.asked.count("/jwks") == 2


async def test_a_key_that_the_provider_took_back_ends_within_the_hour(answers: Answers, clock: _Clock) -> None:
    answers.says("/jwks", _BOTH)
    issuer = Issuer(answers.url, clock)
    assert await _ids(issuer, _SECOND) == ["k2"]
    answers.says("/jwks", _KEYS)
    clock.now = FRESH_SECONDS
    assert await _ids(issuer, _SECOND) == []


async def test_known_keys_go_on_while_the_provider_is_away(
    answers: Answers, clock: _Clock, caplog: pytest.LogCaptureFixture
) -> None:
    issuer = Issuer(answers.url, clock)
    await issuer.keys(_FIRST)
    answers.status = "503 Away"
    clock.now = 2 * FRESH_SECONDS
    with caplog.at_level(logging.WARNING):
        assert await _ids(issuer, _FIRST) == ["k1"]
        assert await _ids(issuer, _FIRST) == ["k1"]
    assert caplog.messages == ["identity provider's keys not fetched"]
    answers.status = "200 OK"
    clock.now += PAUSE_SECONDS
    answers.says("/jwks", {"keys": []})
    assert await _ids(issuer, _FIRST) == []


async def test_a_provider_that_was_never_reached_is_said_to_be_away_and_asked_again_later(clock: _Clock) -> None:
    issuer = Issuer("http://127.0.0.1:1", clock)
    error = await _away(issuer)
    assert (error.retry_after_seconds, "API tokens work meanwhile" in error.hint) == (PAUSE_SECONDS, True)
    clock.now = PAUSE_SECONDS - 1
    assert (await _away(issuer)).retry_after_seconds == 1


async def test_a_provider_that_never_answers_costs_a_bounded_time(
    answers: Answers, clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    answers.stall = True
    await _away(Issuer(answers.url, clock))


async def test_a_provider_that_answers_without_end_costs_a_bounded_memory(answers: Answers, clock: _Clock) -> None:
    answers.bodies["/jwks"] = b" " * (LONGEST_ANSWER + 1)
    await _away(Issuer(answers.url, clock))


async def test_nobody_follows_where_a_provider_sends_us(answers: Answers, clock: _Clock) -> None:
    answers.status = "302 Found"
    await _away(Issuer(answers.url, clock))
    assert answers.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": 7},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://127.0.0.1:1/jwks"},
        {"jwks_uri": "http://[::1/jwks"},
    ],
)
async def test_a_discovery_document_that_does_not_fit_is_not_followed(
    answers: Answers, clock: _Clock, said: dict[str, object]
) -> None:
    answers.discovery(**said)
    await _away(Issuer(answers.url, clock))
    assert "/jwks" not in answers.asked


@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b"\xff", b"[]", b"7", b'{"keys": 7}'])
async def test_what_cannot_be_read_is_no_answer(answers: Answers, clock: _Clock, body: bytes) -> None:
    answers.bodies["/jwks"] = body
    await _away(Issuer(answers.url, clock))
    answers.bodies["/.well-known/openid-configuration"] = body
    await _away(Issuer(answers.url, clock))
