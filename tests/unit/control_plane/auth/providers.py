"""OpenID Connect providers: a real one as a process, and one that does whatever a test wants."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import orjson


@dataclass(frozen=True)
class Provider:
    """`oidc-provider-mock`: the authorization code flow of OpenID Connect, with users that a test names."""

    url: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """End it; nothing listens there any more."""
        self.process.terminate()

    def user(self, sub: str, **claims: object) -> None:
        """Add or change a user."""
        with self._http() as http:
            http.put(f"{self.url}/users/{sub}", json=claims).raise_for_status()

    def log_in(self, sub: str, audience: str) -> str:
        """The ID token that this person gets for that client."""
        callback = "http://localhost:1/callback"
        asked = {"client_id": audience, "redirect_uri": callback, "response_type": "code", "scope": "openid"}
        with self._http() as http:
            sent = http.post(f"{self.url}/oauth2/authorize", params=asked, data={"sub": sub})
            (code,) = parse_qs(urlsplit(sent.headers["location"]).query)["code"]
            grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback}
            answer = http.post(f"{self.url}/oauth2/token", data=grant, auth=(audience, "secret"))
        return str(answer.raise_for_status().json()["id_token"])

    def _http(self) -> httpx2.Client:
        return httpx2.Client(trust_env=False, timeout=30, verify=False)


@contextmanager
def provider(port: int = 0) -> Iterator[Provider]:
    """A provider that runs as long as the block does."""
    number = port or _free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(number)]
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if re.search("running on", line):
                    break
            yield Provider(f"http://127.0.0.1:{number}", process)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Answers:
    """What an arbitrary provider answers, by path, and what it was asked."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""
    stall: bool = False
    status: str = "200 OK"

    def says(self, path: str, value: Any) -> None:
        """Answer this as JSON."""
        self.bodies[path] = orjson.dumps(value)

    def discovery(self, **more: object) -> None:
        """Answer discovery as a good provider does, with parts of it replaced."""
        said = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"} | more
        self.says("/.well-known/openid-configuration", said)


@asynccontextmanager
async def answering() -> AsyncIterator[Answers]:
    """A provider in the test's own loop."""
    answers = Answers()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split()[1].decode()
        answers.asked.append(path)
        if not answers.stall:
            body = answers.bodies.get(path, b"")
            lines = f"HTTP/1.1 {answers.status}\r\nlocation: {answers.url}/elsewhere\r\ncontent-length: {len(body)}\r\n"
            writer.write(lines.encode() + b"connection: close\r\n\r\n" + body)
        else:
            await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        answers.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield answers


def wait_until_gone(url: str) -> None:
    """Return once nothing listens there."""
    while True:
        try:
            httpx2.get(url, trust_env=False, verify=False)
        except httpx2.TransportError:
            return
        time.sleep(0.05)
