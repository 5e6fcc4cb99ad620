"""A chat over the Open Inference Protocol: the question it asks, and its answers."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols.oip_chat import Deltas, answer, metadata, question
from routers.protocols.sse import CONTENT_TYPE
from routers.protocols.tensors import Output, Tensor, TensorAnswer, TensorRequest
from routers.protocols.translation import Translation
from routers.protocols.turn import Turn
from tests.stub_upstream import DONE, completion, event
from tests.unit.routers.protocols.tensor_samples import iris, tensor


def text(content: Any = None, shape: tuple[int, ...] = (1,)) -> Tensor:
    """One question."""
    return Tensor("text_input", "BYTES", shape, ["hi"] if content is None else content)


def asked(**parameters: Any) -> dict[str, Any]:
    """What a request with these parameters asks."""
    return question(TensorRequest([text()], parameters=parameters), "shop", stream=False)


@pytest.mark.parametrize("content", [["hi"], [["hi"]], b"\2\0\0\0hi"])
def test_one_text_becomes_one_message_of_the_user(content: Any) -> None:
    shape = (1, 1) if content == [["hi"]] else (1,)
    found = question(TensorRequest([text(content, shape)]), "shop", stream=True)
    assert found == {"model": "shop", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def test_parameters_become_those_of_a_chat() -> None:
    found = asked(max_tokens=9, temperature=0.5, top_p="0.25", seed=2**62 + 1, stop="\n", binary_data_output=True)
    expected = {"max_tokens": 9, "temperature": 0.5, "top_p": 0.25, "seed": 2**62 + 1, "stop": "\n"}
    assert {name: found[name] for name in found if name not in ("model", "messages")} == expected


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"sequence_id": 7}, "is none of a chat's: max_tokens"),
        ({"max_tokens": 2.5}, "of type int"),
        ({"max_tokens": "many"}, "of type int"),
        ({"max_tokens": float("inf")}, "of type int"),
        ({"seed": 2**64}, "of type int"),
        ({"temperature": "nan"}, "of type float"),
        ({"temperature": "1e999"}, "of type float"),
        ({"stop": 7}, "of type str"),
        ({"user": True}, "of type str"),
    ],
)
def test_a_parameter_that_a_chat_does_not_know_is_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        asked(**parameters)
    assert caught.value.param == f"parameters.{next(iter(parameters))}"
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (TensorRequest([iris()]), "inputs"),
        (TensorRequest([text(), text()]), "inputs"),
        (TensorRequest([text(["a", "b"], (2,))]), "inputs[0].shape"),
        (TensorRequest([text([], (0,))]), "inputs[0].shape"),
        (TensorRequest([text(b"\1\0\0\0\xff")]), "inputs[0]"),
        (TensorRequest([text([7])]), "inputs[0].data[0]"),
        (TensorRequest([text()], [Output("kind")]), "outputs[0].name"),
    ],
)
def test_what_is_not_one_text_is_refused(request_: TensorRequest, param: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        question(request_, "shop", stream=False)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, param)


@given(tensor(), st.dictionaries(st.sampled_from(["max_tokens", "temperature", "stop", "x"]), st.floats() | st.text()))
def test_whatever_is_asked_is_json_or_an_error(found: Tensor, parameters: dict[str, Any]) -> None:
    try:
        orjson.dumps(question(TensorRequest([found], parameters=parameters), "shop", stream=False))
    except TiermeshError as error:
        assert error.status == 400


def test_a_completion_becomes_one_text() -> None:
    found = answer(orjson.dumps(completion("In two days.")), TensorRequest([text()], id="7"), "shop", "id-1")
    output = Tensor("text_output", "BYTES", [1], ["In two days."])
    assert found == TensorAnswer([output], "shop", id="7", parameters={"finish_reason": "stop"})


def test_an_answer_that_is_no_completion_is_the_models_fault() -> None:
    with pytest.raises(TiermeshError) as caught:
        answer(b"{}", TensorRequest([text()]), "shop", "id-1")
    assert caught.value.code is Code.UPSTREAM_FAILED


def translated(sent: bytes, **parameters: Any) -> list[str]:
    """What a stream comes to, a line for each answer."""
    request = TensorRequest([text()], id="7", parameters=parameters)

    def written(found: TensorAnswer) -> bytes:
        assert (found.model, found.id) == ("shop", "7")
        said = [tensor.content[0] for tensor in found.outputs]
        return f"{said} {dict(found.parameters)}\n".encode()

    frames = Deltas(request, "shop", written, lambda error: b"error\n")
    translation = Translation(frames, Turn("id-1"))
    assert translation.content_type == CONTENT_TYPE
    return (translation.encode(sent) + translation.end()).decode().splitlines()


def test_a_stream_is_one_answer_for_each_piece_of_text() -> None:
    assert translated(event("In ") + event("two days.") + DONE) == ["['In '] {}", "['two days.'] {}"]


def test_an_empty_answer_ends_a_stream_where_that_is_asked_for() -> None:
    found = translated(event("hi") + DONE, triton_enable_empty_final_response=True)
    assert found == ["['hi'] {}", "[] {'triton_final_response': True}"]


def test_a_stream_that_breaks_ends_in_an_error_and_no_empty_answer() -> None:
    assert translated(event("hi"), triton_enable_empty_final_response=True) == ["['hi'] {}", "error"]


def test_a_chat_says_what_it_is() -> None:
    about = metadata("shop", ["1"])
    assert (about.name, about.versions, about.inputs[0][:2], about.outputs[0][:2]) == (
        "shop",
        ["1"],
        ("text_input", "BYTES"),
        ("text_output", "BYTES"),
    )
