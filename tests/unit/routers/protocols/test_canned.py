"""A prepared text looks like any model's answer, whole or streamed."""

import orjson
import pytest

from control_plane.spec.models import Operation
from routers.call import Call
from routers.protocols import canned
from routers.protocols.completion import read_answer, read_chunk
from routers.protocols.sse import ChunkReader
from tests.unit.routers.samples import call, chat

TEXT = 'We are "busy".\nCome back, 请稍后.'


def completion_call() -> Call:
    return call({"model": "shop", "prompt": "hi"}, Operation.COMPLETIONS)


def test_a_whole_chat_answer_reads_as_one() -> None:
    said = read_answer(canned.whole(call(chat()), TEXT))
    assert ("".join(piece.text for piece in said.pieces), said.finish) == (TEXT, "stop")


def test_a_chat_stream_reads_as_one_to_its_end() -> None:
    reader = ChunkReader()
    said = [read_chunk(fields) for fields in reader.read(canned.stream(call(chat()), TEXT))]
    assert "".join(piece.text for each in said for piece in each.pieces) == TEXT
    assert (said[-1].finish, reader.done) == ("stop", True)


def test_a_completion_has_its_text_whole_and_streamed() -> None:
    whole = orjson.loads(canned.whole(completion_call(), TEXT))
    assert (whole["object"], whole["choices"][0]["text"]) == ("text_completion", TEXT)
    chunks = list(ChunkReader().read(canned.stream(completion_call(), TEXT)))
    assert "".join(each["choices"][0]["text"] for each in chunks) == TEXT


@pytest.mark.parametrize("operation", Operation)
def test_a_text_answers_questions_alone(operation: Operation) -> None:
    assert canned.can_answer(operation) is (operation in (Operation.CHAT, Operation.COMPLETIONS))
