"""Turns: pieces come together to blocks, one after the other."""

import pytest
from hypothesis import given

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols.completion import Kind, Piece, Said, Usage, read_chunk
from routers.protocols.turn import Turn, whole
from tests.unit.routers.protocols.streams import SAID, pieces_of


def turn(*pieces: Piece) -> Turn:
    return whole(Said(pieces), "r1")


def blocks(turn: Turn) -> list[tuple[Kind, str, str, str]]:
    return [(block.kind, block.text, block.id, block.name) for block in turn.blocks]


def test_pieces_of_one_kind_are_one_block() -> None:
    said = turn(Piece(Kind.REASONING, "hm"), Piece(Kind.TEXT, "hel"), Piece(Kind.TEXT, "lo"))
    assert [(block.kind, block.text, block.position) for block in said.blocks] == [
        (Kind.REASONING, "hm", 0),
        (Kind.TEXT, "hello", 1),
    ]


def test_fragments_of_a_call_are_one_block_and_calls_are_apart() -> None:
    said = turn(
        Piece(Kind.CALL, "", 0, "a", "one"),
        Piece(Kind.CALL, '{"x":', 0),
        Piece(Kind.CALL, "1}", 0, "a"),
        Piece(Kind.CALL, "{}", 1, "b", "two"),
    )
    assert blocks(said) == [(Kind.CALL, '{"x":1}', "a", "one"), (Kind.CALL, "{}", "b", "two")]
    assert said.calls_tools


def test_a_new_id_begins_a_new_call_where_models_do_not_count() -> None:
    said = turn(Piece(Kind.CALL, "{}", 0, "a", "one"), Piece(Kind.CALL, "{}", 0, "b", "one"))
    assert [block.id for block in said.blocks] == ["a", "b"]


def test_a_call_without_an_id_gets_one_of_its_own() -> None:
    said = turn(Piece(Kind.CALL, "{", 0, "", "one"), Piece(Kind.CALL, "}", 0), Piece(Kind.CALL, "{}", 1, "", "two"))
    assert [(block.id, block.text) for block in said.blocks] == [("call_r1_0", "{}"), ("call_r1_1", "{}")]


@pytest.mark.parametrize(
    "pieces",
    [
        (Piece(Kind.CALL, "{}", 0, "a"),),
        (Piece(Kind.CALL, "{", 0, "a", "one"), Piece(Kind.CALL, "{", 1, "b", "two"), Piece(Kind.CALL, "}", 0)),
        (Piece(Kind.CALL, "{", 0, "a", "one"), Piece(Kind.TEXT, "x"), Piece(Kind.CALL, "}", 0)),
    ],
    ids=["unnamed", "two at once", "interrupted"],
)
def test_calls_that_cannot_be_told_apart_are_an_error(pieces: tuple[Piece, ...]) -> None:
    with pytest.raises(TiermeshError, match="a tool call has no name") as caught:
        turn(*pieces)
    assert caught.value.code is Code.UPSTREAM_FAILED


def test_what_is_hidden_is_left_out() -> None:
    said = whole(Said((Piece(Kind.REASONING, "hm"), Piece(Kind.TEXT, "hi"))), "r1", (Kind.REASONING,))
    assert [(block.text, block.position) for block in said.blocks] == [("hi", 0)]


def test_the_last_word_about_the_answer_counts_and_silence_changes_nothing() -> None:
    said = Turn("r1")
    for each in (Said(created=5), Said(finish="stop", stop="END", usage=Usage(1, 1)), Said(usage=Usage(1, 2)), Said()):
        said.note(each)
    assert (said.created, said.finish, said.stop, said.usage) == (5, "stop", "END", Usage(1, 2))
    assert not said.calls_tools


@given(SAID)
def test_all_that_is_said_is_in_the_blocks_in_order(said: list[tuple[str, str]]) -> None:
    gathered = Turn("r1")
    for delta in pieces_of(said):
        for piece in gathered.note(read_chunk({"choices": [{"delta": delta}]})):
            gathered.place(piece)
    assert "".join(block.text for block in gathered.blocks) == "".join(text for _, text in said)
    calls = [block.text for block in gathered.blocks if block.kind is Kind.CALL]
    assert calls == [text for kind, text in said if kind == "call"]
