from collections.abc import Sequence

import pytest

from model_repo.generation.texts import Unfolding


def letters(tokens: Sequence[int]) -> str:
    return "".join(map(chr, tokens))


def write(text: str, *stops: str) -> tuple[list[str], Unfolding]:
    """The pieces of a text written letter by letter, until it stops."""
    unfolding = Unfolding(letters, stops)
    pieces = []
    for letter in text:
        pieces.append(unfolding.push(ord(letter)))
        if unfolding.stopped:
            break
    return pieces, unfolding


def test_without_stops_every_token_is_given_at_once() -> None:
    pieces, unfolding = write("abc")
    assert (pieces, unfolding.rest()) == (["a", "b", "c"], "")


def test_nothing_of_a_stop_sequence_is_given() -> None:
    pieces, unfolding = write("say END now", "END")
    assert "".join(pieces) == "say "
    assert unfolding.stopped and unfolding.rest() == ""


def test_what_only_looked_like_a_stop_is_given_late() -> None:
    pieces, unfolding = write("ENemy", "END")
    assert pieces == ["", "", "ENe", "m", "y"]
    assert not unfolding.stopped


def test_the_end_gives_what_was_held_back() -> None:
    pieces, unfolding = write("an E", "END")
    assert ("".join(pieces), unfolding.rest()) == ("an ", "E")


@pytest.mark.parametrize("stops", [("B", "A"), ("A", "B")])
def test_the_earliest_stop_ends_the_text(stops: tuple[str, ...]) -> None:
    assert "".join(write("xAyB", *stops)[0]) == "x"


def test_half_a_character_waits_for_its_other_half() -> None:
    unfolding = Unfolding(lambda tokens: bytes(tokens).decode(errors="replace"), ())
    assert [unfolding.push(byte) for byte in "快a".encode()] == ["", "", "快", "a"]
