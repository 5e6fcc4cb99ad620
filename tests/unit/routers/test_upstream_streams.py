"""A stream is passed on piece by piece, held back where its reader is slow, and ended where nobody reads."""

import asyncio

from tests.stub_upstream import Steps, answer, chunk, event, head, held, stream
from tests.unit.routers.scripted_upstream import Sponge, upstream


async def test_an_answer_that_is_too_large_is_refused_and_read_no_further() -> None:
    async with upstream(max_answer_bytes=1000) as model:
        model.stub.script(answer(b"x" * 1000), answer(b"x" * 1001))
        assert len(await model.ask()) == 1000
        assert "larger than 1000 bytes" in (await model.refused()).message
        await (await model.stub.received(2)).left.wait()


async def test_a_stream_may_be_larger_than_an_answer() -> None:
    async with upstream(max_answer_bytes=1000) as model:
        steps = Steps([b"x" * 900] * 3)
        model.stub.script(steps)
        steps.step()
        exchange, sponge = await model.send(), Sponge()
        exchange.attach(sponge)
        steps.go()
        await exchange.done
        assert b"".join(sponge.pieces).startswith(b"x" * 2700)


async def test_a_stream_comes_piece_by_piece() -> None:
    async with upstream() as model:
        steps = Steps([event("one"), event("two")])
        model.stub.script(steps)
        steps.step()
        exchange, sponge = await model.send(), Sponge()
        exchange.attach(sponge)
        await sponge.came.wait()
        assert sponge.pieces == [event("one")]
        assert not exchange.done.done()
        steps.go()
        await exchange.done
        assert b"".join(sponge.pieces) == event("one") + event("two") + b"data: [DONE]\n\n"


async def test_a_stream_that_ended_before_its_sink_came_is_whole() -> None:
    async with upstream() as model:
        model.stub.script(stream("one"))
        exchange, sponge = await model.send(), Sponge()
        await exchange.done
        exchange.attach(sponge)
        assert b"".join(sponge.pieces) == event("one") + b"data: [DONE]\n\n"


async def test_who_gives_an_exchange_up_closes_the_connection() -> None:
    async with upstream() as model:
        steps = Steps([event("one"), event("two")])
        model.stub.script(steps)
        steps.step()
        exchange = await model.send()
        exchange.close()
        await (await model.stub.received()).left.wait()
        await model.ask()
        assert model.stub.accepted == 2


async def test_who_stops_waiting_for_the_head_closes_the_connection() -> None:
    async with upstream() as model:
        model.stub.script(held())
        asking = asyncio.create_task(model.ask())
        received = await model.stub.received()
        asking.cancel()
        await received.left.wait()


async def test_an_exchange_that_is_over_may_be_closed_and_keeps_its_connection() -> None:
    async with upstream() as model:
        exchange = await model.send()
        await exchange.read()
        exchange.close()
        await model.ask()
        assert model.stub.accepted == 1


async def test_a_paused_stream_stops_the_model_and_goes_on_where_it_was() -> None:
    written = 0

    async def flood(received: object, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(head(200, {"transfer-encoding": "chunked"}))
        for _ in range(1000):
            writer.write(chunk(b"x" * 100_000))
            await writer.drain()
            written += 1
        writer.write(chunk(b""))

    async with upstream() as model:
        model.stub.script(flood)
        exchange, sponge = await model.send(), Sponge()
        exchange.attach(sponge)
        await sponge.came.wait()
        exchange.pause()
        before = -1
        while before < written:
            before = written
            for _ in range(100):
                await asyncio.sleep(0)
        assert written < 500
        exchange.resume()
        await exchange.done
        assert sum(map(len, sponge.pieces)) == 100_000_000


async def test_a_connection_that_was_paused_at_its_answers_end_can_be_used_again() -> None:
    async with upstream() as model:
        steps = Steps([event("one"), event("two")])
        model.stub.script(steps)
        steps.step()
        exchange = await model.send()

        class Slow:
            def on_body(self, data: bytes) -> None:
                exchange.pause()

        exchange.attach(Slow())
        exchange.resume()
        model.stub.default = answer(b"next")
        steps.go()
        while not exchange.done.done():
            exchange.resume()
            await asyncio.sleep(0)
        assert await model.ask() == b"next"
