"""A crowd: many callers at once, each with a connection of its own, who ask until there is no money left."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

_MOST_PAUSE_SECONDS = 1.0
"""Before who was told to wait asks again: at random, so that they do not all come back at once."""
_LEAVES = 0.05
"""Share of streams whose caller hangs up after the first piece."""


@dataclass(slots=True)
class Crowd:
    """Callers of one tenant."""

    key: str
    max_tokens: int
    until: float
    """Of the event loop's clock; then nobody asks any more."""
    codes: Counter[str] = field(default_factory=Counter)
    """How often each outcome came: `answered`, `left`, or an error's code."""
    _random: random.Random = field(default_factory=lambda: random.Random(2))
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def gather(self, ports: Sequence[int], callers: int) -> None:
        """So many callers at each port, until each has heard that the budget is spent."""
        await asyncio.gather(*(self._call(port) for port in ports for _ in range(callers)))

    async def ask(self, port: int, question: str, max_tokens: int) -> str:
        """One question on a connection of its own; its outcome."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            return await self._ask(reader, writer, question, max_tokens, stream=False)
        finally:
            writer.close()

    async def _call(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        outcome = ""
        while outcome != "insufficient_quota" and loop.time() < self.until:
            stream = self._random.random() < 0.5
            outcome = await self._ask(reader, writer, f"Question {next(self._numbers)}", self.max_tokens, stream)
            self.codes[outcome] += 1
            if outcome == "left":
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            elif outcome != "answered":
                await asyncio.sleep(self._random.uniform(0, _MOST_PAUSE_SECONDS))
        writer.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: str, max_tokens: int, stream: bool
    ) -> str:
        messages = [{"role": "user", "content": question}]
        body = orjson.dumps({"model": "bench", "messages": messages, "max_tokens": max_tokens, "stream": stream})
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {self.key}\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        status, length = _status_and_length(await reader.readuntil(b"\r\n\r\n"))
        if length is None:
            if self._random.random() < _LEAVES:
                writer.transport.abort()
                return "left"
            await reader.readuntil(b"\r\n0\r\n\r\n")
            return "answered"
        answer = await reader.readexactly(length)
        return "answered" if status == 200 else str(orjson.loads(answer)["error"]["code"])


def _status_and_length(head: bytes) -> tuple[int, int | None]:
    """None where the answer comes in chunks."""
    lines = head.decode().lower().split("\r\n")
    lengths = [int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")]
    return int(lines[0].split()[1]), lengths[0] if lengths else None
