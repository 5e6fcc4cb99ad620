import asyncio

from benchmarks.adapters.core import ABORT, END, QueuedReply, Start, Whole


def new_reply() -> QueuedReply:
    return QueuedReply(asyncio.get_running_loop())


async def test_pieces_come_in_the_order_in_which_they_were_written() -> None:
    reply = new_reply()
    reply.start(200, b"")
    reply.write(b"one")
    reply.write(b"")
    reply.end()

    assert [await reply.take() for _ in range(3)] == [Start(200, b""), b"one", END]


async def test_a_server_that_waits_is_woken_by_the_answer() -> None:
    reply = new_reply()
    waiting = asyncio.create_task(reply.take())
    await asyncio.sleep(0)
    reply.send(200, b"", b"late")

    assert await waiting == Whole(200, b"", b"late")


async def test_a_caller_slower_than_the_model_congests_until_it_has_taken_all() -> None:
    reply, drained = new_reply(), []
    reply.on_drain = lambda: drained.append(True)
    reply.write(b"x" * 40_000)
    assert not reply.congested
    reply.write(b"x" * 40_000)
    assert reply.congested and reply.buffered_bytes == 80_000

    await reply.take()
    assert reply.congested and not drained
    await reply.take()
    assert not reply.congested and reply.buffered_bytes == 0 and drained == [True]


async def test_nothing_is_written_to_a_caller_who_has_left_and_the_handler_hears_once() -> None:
    reply, heard = new_reply(), []
    reply.on_disconnect = lambda: heard.append(True)
    reply.leave()
    reply.leave()
    reply.write(b"unheard")

    assert await reply.take() is ABORT
    assert reply.buffered_bytes == 0
    assert heard == [True]
