from dataclasses import replace

import pytest

from benchmarks import budgets

BOOKS = budgets.Books(
    budget=16_000_000,
    before=15_200_000,
    spent=15_990_000,
    most_at_once=300,
    booked=15_999_000,
    held=0,
    heard={"answered": 1600, "insufficient_quota": 4000},
)


def broken(books: budgets.Books) -> list[str]:
    """The bars that do not hold."""
    return [bar.what for bar in budgets.bars(books, 30.0) if not bar.holds]


def test_books_that_balance_break_no_bar() -> None:
    assert broken(BOOKS) == []


@pytest.mark.parametrize(
    ("changes", "bar"),
    [
        ({"spent": 16_000_001, "booked": 16_000_001}, "overspent"),
        ({"booked": 15_989_999}, "spent but not booked"),
        ({"held": 1}, "still reserved at the end"),
        ({"booked": 15_990_000}, "left unspent, less than one reservation"),
        ({"before": 1}, "spent before the crowd came"),
        ({"heard": {"insufficient_quota": 4000}}, "answers to the crowd"),
    ],
)
def test_each_way_to_fail_breaks_a_bar(changes: dict[str, int], bar: str) -> None:
    assert bar in broken(replace(BOOKS, **changes))  # type: ignore[arg-type]  # names of fields, each with its type


def test_the_notes_say_what_the_crowd_heard() -> None:
    first, second = budgets.notes(BOOKS, 500)
    assert "8 routers, 500 callers at each, a hard budget of $16.00 a day" in first
    assert "1600 answered, 4000 insufficient_quota" in second
