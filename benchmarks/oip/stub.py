"""`python -m benchmarks.oip.stub`: a Model that answers each request of the Open Inference Protocol over HTTP at once.

It prints its port. It reads no more of a request than its path and its length; to a chat it answers with nothing said.
"""

import asyncio
import re
import struct
from typing import cast

import orjson
import uvloop

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


def _answer() -> bytes:
    raw = struct.pack("<3f", 0.125, 0.25, 0.625)
    output = {"name": "kind", "datatype": "FP32", "shape": [1, 3], "parameters": {"binary_data_size": len(raw)}}
    head = orjson.dumps({"model_name": "iris", "model_version": "1", "outputs": [output]})
    lines = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n"
        f"inference-header-content-length: {len(head)}\r\ncontent-length: {len(head) + len(raw)}\r\n\r\n"
    )
    return lines.encode() + head + raw


_CHAT = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class _Stub(asyncio.Protocol):
    answer = _answer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n") + 4) >= 4:
            length = _LENGTH.search(self._received, 0, end)
            whole = end + (int(length[1]) if length else 0)
            if len(self._received) < whole:
                return
            chats = self._received.startswith(b"POST /v1/")
            self._received = self._received[whole:]
            self._transport.write(_CHAT if chats else self.answer)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Stub, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve())
