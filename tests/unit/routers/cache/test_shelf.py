"""What lies in the stream that routers share is bounded in bytes and in age, and goes with its Route."""

from hypothesis import given
from hypothesis import strategies as st

from routers.cache.shelf import Lying, Shelf


def test_what_is_too_old_goes() -> None:
    shelf = Shelf(100)
    shelf.put(b"1", Lying(10, 5.0, "shop"))
    shelf.put(b"2", Lying(10, 9.0, "shop"))
    assert shelf.overdue(4.9) == []
    assert shelf.overdue(5.0) == [b"1"]
    assert (len(shelf), shelf.size_bytes) == (1, 10)


def test_what_is_of_a_route_goes_with_it() -> None:
    shelf = Shelf(100)
    for name, route in ((b"1", "shop"), (b"2", "help"), (b"3", None)):
        shelf.put(name, Lying(10, 5.0, route))
    assert shelf.purge("shop") == [b"1"]
    assert shelf.purge(None) == [b"2"]
    assert len(shelf) == 1


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(1, 9)), max_size=30), st.integers(0, 100))
def test_it_is_never_left_larger_than_it_may_be_and_the_oldest_go_first(
    records: list[tuple[int, float]], bound: int
) -> None:
    shelf, gone = Shelf(bound), list[bytes]()
    for number, (size, ends) in enumerate(records):
        shelf.put(b"%d" % number, Lying(size, ends, "shop"))
        gone += shelf.overdue(0.0)
        assert shelf.size_bytes <= bound
    assert gone == [b"%d" % number for number in range(len(gone))]
