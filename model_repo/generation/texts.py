"""Text from tokens as they come: whole characters only, and nothing of a stop sequence."""

from collections.abc import Callable, Sequence

_UNFINISHED = "\ufffd"
"""What a tokenizer writes for the first bytes of a character whose last are still to come."""


class Unfolding:
    """The text of one answer, growing by tokens."""

    def __init__(self, decode: Callable[[Sequence[int]], str], stops: Sequence[str]) -> None:
        self._decode = decode
        self._stops = stops
        self._tokens: list[int] = []
        self._given = 0
        self.stopped = False
        """Whether a stop sequence has been reached: the text is then complete."""

    def push(self, token: int) -> str:
        """The text that is certain with this token and was not before."""
        self._tokens.append(token)
        return self._give(last=False)

    def rest(self) -> str:
        """What was held back, when no token follows."""
        return self._give(last=True)

    def _give(self, last: bool) -> str:
        text = self._decode(self._tokens)
        ends = [position for stop in self._stops if (position := text.find(stop)) >= 0]
        if ends:
            self.stopped = True
            text = text[: min(ends)]
        elif not last:
            text = text.rstrip(_UNFINISHED)
            text = text[: len(text) - _held_back(text, self._stops)]
        fresh = text[self._given :]
        self._given = max(self._given, len(text))
        return fresh


def _held_back(text: str, stops: Sequence[str]) -> int:
    """How many characters at the end might be the start of a stop sequence."""
    return max((size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size])), default=0)
