"""Witnesses: they ask on schedule, and write down what each answer says of itself."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from benchmarks.harness.callers import Site

_QUESTIONS = 50
"""Different ones: every other question may be answered from the cache."""


class Claim(NamedTuple):
    """What an answer says."""

    status: int
    snapshot: int
    revision: str
    served: str
    """The model that the upstream was asked for: the answer's own text."""


class Witnesses:
    """Ask routers, each connection `rate` times a second, until told to stop."""

    def __init__(self, sites: Sequence[Site], routes: Sequence[str], connections: int, rate: float) -> None:
        """`connections` to each router; each question goes to one of `routes` by chance."""
        self._sites = [site for site in sites for _ in range(connections)]
        self._routes = routes
        self._pause = 1 / rate
        self._random = random.Random(2)
        self.claims: Counter[Claim] = Counter()
        self.seconds: list[float] = []
        """Of each answer, from the moment at which its question was to be asked."""
        self.stopped = asyncio.Event()
        self._news = asyncio.Condition()

    async def ask(self) -> None:
        """Until `stopped`."""
        await asyncio.gather(*map(self._ask_one, self._sites))

    async def heard(self, answers: int) -> None:
        """Wait until so many answers have come."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.seconds) >= answers)

    async def _ask_one(self, site: Site) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        loop = asyncio.get_running_loop()
        due = loop.time() + self._random.random() * self._pause
        while not self.stopped.is_set():
            await asyncio.sleep(max(0.0, due - loop.time()))
            writer.write(self._question())
            head = await reader.readuntil(b"\r\n\r\n")
            headers = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
            body = await reader.readexactly(int(headers[b"content-length"]))
            self.seconds.append(loop.time() - due)
            self.claims[_claim(int(head.split(b" ", 2)[1]), headers, body)] += 1
            due += self._pause
            async with self._news:
                self._news.notify_all()
        writer.close()

    def _question(self) -> bytes:
        messages = [{"role": "user", "content": f"Parcel {self._random.randrange(_QUESTIONS)}?"}]
        body = orjson.dumps({"model": self._random.choice(self._routes), "messages": messages})
        fresh = b"cache-control: no-store\r\n" if self._random.random() < 0.5 else b""
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\n%bcontent-length: %d\r\n\r\n"
        return head % (fresh, len(body)) + body


def _claim(status: int, headers: dict[bytes, bytes], body: bytes) -> Claim:
    if status != 200:
        return Claim(status, 0, "", "")
    served = orjson.loads(body)["choices"][0]["message"]["content"]
    return Claim(status, int(headers[b"x-tiermesh-snapshot"]), headers[b"x-tiermesh-revision"].decode(), served)
