"""The reporter: records go out in batches; what cannot be sent waits, what is refused is given up."""

from collections.abc import Sequence

import pytest

from control_plane.spec.errors import Code, TiermeshError
from observability.metrics import RouterMetrics
from routers.journal import Journal
from routers.reporter import BATCH_RECORDS, Reporter
from tests.unit.routers.test_journal import entry, ids

AWAY = TiermeshError(Code.UNAVAILABLE, "away")
REFUSED = TiermeshError(Code.INVALID_REQUEST, "no")


class Archive:
    """A control plane that takes what it gets, or fails as it is told."""

    def __init__(self, *failures: TiermeshError | None) -> None:
        self.failures = list(failures)
        self.batches: list[list[str]] = []
        self.closed = False

    async def send(self, records: Sequence[bytes]) -> None:
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        self.batches.append(ids(list(records)))

    async def aclose(self) -> None:
        self.closed = True


def reporter(archive: Archive, count: int) -> tuple[Reporter, Journal]:
    journal = Journal("router-1", RouterMetrics(), 10_000, 0)
    journal.add([entry(str(number)) for number in range(count)])
    return Reporter(journal, archive), journal


async def test_everything_goes_out_in_bounded_batches_in_order() -> None:
    archive = Archive()
    sending, journal = reporter(archive, BATCH_RECORDS + 1)
    await sending.step()
    assert [len(batch) for batch in archive.batches] == [BATCH_RECORDS, 1]
    assert [one for batch in archive.batches for one in batch] == [str(number) for number in range(BATCH_RECORDS + 1)]
    assert len(journal) == 0


async def test_nothing_is_lost_while_the_control_plane_is_away() -> None:
    archive = Archive(AWAY)
    sending, journal = reporter(archive, 2)
    with pytest.raises(TiermeshError, match="away"):
        await sending.step()
    assert len(journal) == 2
    await sending.step()
    assert archive.batches == [["0", "1"]]


async def test_a_refused_batch_is_given_up_and_the_next_one_sent() -> None:
    archive = Archive(REFUSED)
    sending, journal = reporter(archive, BATCH_RECORDS + 1)
    await sending.step()
    assert archive.batches == [[str(BATCH_RECORDS)]]
    assert len(journal) == 0


@pytest.mark.parametrize("failure", [None, AWAY])
async def test_at_the_end_what_is_left_is_sent_if_it_can_be(failure: TiermeshError | None) -> None:
    archive = Archive(failure)
    sending, _ = reporter(archive, 1)
    await sending.close()
    assert archive.batches == ([] if failure else [["0"]])
    assert archive.closed
