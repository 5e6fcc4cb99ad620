"""A batch: records gathered, in order, and none lost."""

import asyncio

from observability.batch import FLUSH_RECORDS, Batch


async def test_records_are_delivered_together_and_in_order() -> None:
    delivered: list[list[int]] = []
    batch = Batch(delivered.append)
    for number in range(FLUSH_RECORDS):
        batch.add(number)
        assert len(delivered) == (number == FLUSH_RECORDS - 1)
    assert delivered == [list(range(FLUSH_RECORDS))]


async def test_a_single_record_does_not_wait_for_others() -> None:
    delivered: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
    batch = Batch(delivered.set_result)
    batch.add(1)
    assert await delivered == [1]


async def test_nothing_is_delivered_twice() -> None:
    delivered: list[list[int]] = []
    batch = Batch(delivered.append)
    batch.add(1)
    batch.flush()
    batch.flush()
    assert delivered == [[1]]
