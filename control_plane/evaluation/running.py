"""Running an evaluation: questions go to whoever serves the version, answers to those who judge them."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2

from control_plane.evaluation import scoring
from control_plane.evaluation.questions import Judged, Question, Similarity
from control_plane.evaluation.scoring import Scored
from control_plane.spec.errors import Code, TiermeshError

_AT_ONCE = 4
_TRIES = 3
_PAUSE_SECONDS = 1.0
_TIMEOUT_SECONDS = 300
_JUDGE_TOKENS = 200
_MOST_ANSWER_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who is asked: an OpenAI-compatible API, and the `model` that requests to it name."""

    url: str
    """/v1 included."""
    model: str
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `mesh` is where the models that embed and judge are found, by the names that the file gives them."""

    version: Endpoint
    mesh: Endpoint
    http: httpx2.Client
    told: Callable[[Scored], None] = lambda _: None

    def answer_all(self, questions: Sequence[Question]) -> list[Scored]:
        """Each question with its score, in their order; a few are asked at the same time.

        Raises TiermeshError(UNAVAILABLE) where somebody who is needed does not answer: then nothing is known.
        """
        turn = threading.Lock()

        def answered(question: Question) -> Scored:
            scored = self._scored(question)
            with turn:
                self.told(scored)
            return scored

        with ThreadPoolExecutor(_AT_ONCE, "evaluation") as pool:
            try:
                return list(pool.map(answered, questions))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def weights(self) -> str | None:
        """The checksum of the weights that answer, as far as the server says; None where it does not."""
        try:
            said = self._get(self.version, "models")
            cards = said["data"]
            (card,) = (card for card in cards if card.get("id") == self.version.model)
            checksum = card["tiermesh"]["sha256"]
        except (TiermeshError, _Refused, KeyError, TypeError, ValueError, AttributeError):
            return None
        return checksum if isinstance(checksum, str) else None

    def _scored(self, question: Question) -> Scored:
        try:
            answer = self._chat(self.version, question.chat, question.max_tokens)
        except _Refused as refusal:
            return Scored(question, False, str(refusal))
        why = self._why_not(question, answer)
        return Scored(question, not why, why, answer)

    def _why_not(self, question: Question, answer: str) -> str:
        expect = question.expect
        if expect.exact is not None:
            return scoring.exact(answer, expect.exact)
        if expect.regex is not None:
            return scoring.regex(answer, expect.regex)
        try:
            if expect.similarity is not None:
                return self._similar(answer, expect.similarity)
            assert expect.judged is not None
            return self._judged(question, answer, expect.judged)
        except _Refused as refusal:
            return f"could not be judged: {refusal}"

    def _similar(self, answer: str, wanted: Similarity) -> str:
        if not answer.strip():
            return "is empty"
        own, *others = self._vectors(wanted.by, [answer, *wanted.to])
        return scoring.similar(own, others, wanted.at_least)

    def _judged(self, question: Question, answer: str, judged: Judged) -> str:
        messages = scoring.to_judge(question, judged, answer, mark=secrets.token_hex(8))
        judge = Endpoint(self.mesh.url, judged.by, self.mesh.key)
        said = scoring.judgement(self._chat(judge, messages, _JUDGE_TOKENS))
        if said is None:
            return f"could not be judged: {judged.by!r} did not answer with the verdict alone"
        return "" if said.passed else f"was judged: {said.reason}"

    def _chat(self, who: Endpoint, messages: list[dict[str, str]], max_tokens: int) -> str:
        body = {"model": who.model, "messages": messages, "max_tokens": max_tokens, "temperature": 0}
        said = self._post(who, "chat/completions", body)
        try:
            content = said["choices"][0]["message"]["content"]
        except (KeyError, TypeError, IndexError) as error:
            raise _Refused("the answer has no choices[0].message.content") from error
        return content if isinstance(content, str) else ""

    def _vectors(self, model: str, texts: list[str]) -> list[list[float]]:
        said = self._post(Endpoint(self.mesh.url, model, self.mesh.key), "embeddings", {"model": model, "input": texts})
        try:
            vectors = [[float(number) for number in item["embedding"]] for item in said["data"]]
        except (KeyError, TypeError, ValueError) as error:
            raise _Refused(f"{model!r} answered without embeddings") from error
        if len(vectors) != len(texts):
            raise _Refused(f"{model!r} answered {len(vectors)} embeddings for {len(texts)} texts")
        return vectors

    def _post(self, who: Endpoint, path: str, body: Mapping[str, Any]) -> Any:
        return self._send(who, "POST", path, json=body)

    def _get(self, who: Endpoint, path: str) -> Any:
        return self._send(who, "GET", path)

    def _send(self, who: Endpoint, method: str, path: str, **content: Any) -> Any:
        url = f"{who.url.rstrip('/')}/{path}"
        # Answers that a cache kept say nothing about the version that stands behind it now.
        headers = {"cache-control": "no-cache", **({"authorization": f"Bearer {who.key}"} if who.key else {})}
        for wait in _pauses():
            time.sleep(wait)
            try:
                answer = self.http.request(method, url, headers=headers, timeout=_TIMEOUT_SECONDS, **content)
            except (httpx2.TransportError, httpx2.InvalidURL) as error:
                why = type(error).__name__
                continue
            if answer.status_code == 429 or answer.status_code >= 500:
                why = f"it answered {answer.status_code}"
                continue
            return _read(answer)
        message = f"{url} does not answer for {who.model!r}: {why}."
        raise TiermeshError(Code.UNAVAILABLE, message, "Nothing was stored: start it, and evaluate again.")


class _Refused(Exception):
    """The server answered, and not with what was asked for."""


def _pauses() -> Iterator[float]:
    yield 0
    for count in range(1, _TRIES):
        yield _PAUSE_SECONDS * count


def _read(answer: httpx2.Response) -> Any:
    if len(answer.content) > _MOST_ANSWER_BYTES:
        raise _Refused(f"the answer has {len(answer.content)} bytes")
    try:
        said = answer.json()
    except (ValueError, RecursionError):
        said = None
    if answer.is_error:
        try:
            text = str(said["error"]["message"])
        except (KeyError, TypeError):
            text = "without a reason"
        raise _Refused(f"was refused with {answer.status_code}: {text}")
    return said
