"""`python -m benchmarks.oip.load PORT CALLERS WARM_SECONDS SECONDS`: small ModelInfer requests in a closed loop.

Each caller sends its next request as soon as it has its answer; no two requests are equal, so no cache answers any. It
prints `begin` and `end` as the window opens and closes, and then how many were answered in it.
"""

import asyncio
import itertools
import secrets
import sys
import time

import grpc
import uvloop

from routers.protocols.inference import open_inference_pb2 as messages

_METHOD = "/inference.GRPCInferenceService/ModelInfer"


def _message() -> bytes:
    request = messages.ModelInferRequest(model_name="iris", raw_input_contents=[bytes(16)])
    request.inputs.add(name="measures", datatype="FP32", shape=[1, 4])
    return bytes(request.SerializeToString())


class _Load:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._call = channel.unary_unary(_METHOD)
        self._message = _message()
        self._numbers = itertools.count()
        self._run = secrets.token_hex(4)
        self.answered = 0

    async def caller(self) -> None:
        while True:
            number = f"{self._run}-{next(self._numbers):08}".encode()
            # Field 3, the request's id.
            await self._call(b"%b\x1a%c%b" % (self._message, len(number), number))
            self.answered += 1


async def _measure(port: int, callers: int, warm_seconds: float, seconds: float) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        load = _Load(channel)
        tasks = [asyncio.ensure_future(load.caller()) for _ in range(callers)]
        await asyncio.wait(tasks, timeout=warm_seconds)
        before, began = load.answered, time.monotonic()
        print("begin", flush=True)
        failed, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        print("end", flush=True)
        print(load.answered - before, time.monotonic() - began, flush=True)
        for task in tasks:
            task.cancel()
        for task in failed:
            task.result()


if __name__ == "__main__":
    uvloop.run(_measure(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
