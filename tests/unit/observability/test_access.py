"""The access log: whole lines, gathered, and none lost."""

import asyncio
import json

from observability.access import FLUSH_LINES, AccessLog


async def test_a_line_is_one_json_object_with_the_time() -> None:
    written: list[bytes] = []
    log = AccessLog(written.append)
    log.request({"route": "商店", "status": 200})
    log.flush()
    line = json.loads(b"".join(written))
    assert (line["logger"], line["route"], line["status"]) == ("access", "商店", 200)
    assert line["time"].endswith("+00:00")
    assert written[0].endswith(b"\n")


async def test_lines_are_written_together_and_in_order() -> None:
    written: list[bytes] = []
    log = AccessLog(written.append)
    for number in range(FLUSH_LINES):
        log.request({"number": number})
        assert len(written) == (number == FLUSH_LINES - 1)
    assert [json.loads(line)["number"] for line in written[0].splitlines()] == list(range(FLUSH_LINES))


async def test_a_single_line_does_not_wait_for_others() -> None:
    written: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    log = AccessLog(written.set_result)
    log.request({"number": 1})
    assert json.loads(await written)["number"] == 1


async def test_nothing_is_written_twice() -> None:
    written: list[bytes] = []
    log = AccessLog(written.append)
    log.request({})
    log.flush()
    log.flush()
    assert len(written) == 1


async def test_a_log_that_is_switched_off_keeps_nothing() -> None:
    log = AccessLog(None)
    log.request({"number": 1})
    log.flush()
