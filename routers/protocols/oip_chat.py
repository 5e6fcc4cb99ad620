"""A chat Route over the Open Inference Protocol: one text in, one text out, both as a BYTES tensor.

A request's parameters become those of the chat; what a chat does not know is refused rather than ignored. Tensor names
are those of Triton's own text models.
"""

from collections.abc import Callable, Sequence
from typing import Any

from control_plane.spec.errors import TiermeshError
from routers.protocols import tensors
from routers.protocols.completion import Kind, read_answer
from routers.protocols.openai import wrong
from routers.protocols.tensors import Metadata, Parameters, Signature, Tensor, TensorAnswer, TensorRequest
from routers.protocols.turn import Block, Turn, whole

_OUTPUT = "text_output"

LAST = "triton_enable_empty_final_response"
"""Parameter by which a caller of a stream asks for an empty answer at its end."""
FINAL = "triton_final_response"
"""Parameter that marks that answer."""

HIDDEN = (Kind.REASONING, Kind.CALL)
_TYPES: dict[str, type[int | float | str]] = {
    "max_tokens": int,
    "max_completion_tokens": int,
    "temperature": float,
    "top_p": float,
    "top_k": int,
    "seed": int,
    "presence_penalty": float,
    "frequency_penalty": float,
    "stop": str,
    "user": str,
}
"""Parameters of a chat. Numbers may come as text: KServe's gRPC client knows no fractions."""
_VARIABLE = "tiermesh.variables."
"""What the parameters begin with that are variables of the Route's prompt: `tiermesh.variables.NAME`."""
_OF_THE_FORM = frozenset({"binary_data_output", LAST})
"""Parameters about how the answer travels."""


def question(request: TensorRequest, model: str, stream: bool) -> dict[str, Any]:
    """The chat completion that a request asks for.

    Raises TiermeshError(INVALID_REQUEST) with the field.
    """
    fields: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": _text(request)}]}
    for index, output in enumerate(request.outputs):
        if output.name != _OUTPUT:
            raise wrong(f"outputs[{index}].name", f"must be {_OUTPUT}: a chat has no other output")
    for name, value in request.parameters.items():
        if name.startswith(_VARIABLE):
            said = fields.setdefault("tiermesh", {"variables": {}})["variables"]
            said[name.removeprefix(_VARIABLE)] = value
        elif name not in _OF_THE_FORM:
            fields[name] = _parameter(name, value)
    return {**fields, "stream": True} if stream else fields


def _text(request: TensorRequest) -> str:
    if len(request.inputs) != 1 or request.inputs[0].datatype != "BYTES":
        raise wrong("inputs", "must be one tensor of BYTES: a chat takes one text")
    found = tensors.elements(request.inputs[0], "inputs[0]")
    if len(found) != 1:
        raise wrong("inputs[0].shape", f"must be of one element, not {len(found)}: a chat takes one text")
    try:
        said = tensors.text(found[0])
    except UnicodeDecodeError as error:
        raise wrong("inputs[0]", "must be text in UTF-8") from error
    if not isinstance(said, str):
        raise wrong("inputs[0].data[0]", "must be a string")
    return said


def _parameter(name: str, value: bool | int | float | str) -> int | float | str:
    kind = _TYPES.get(name)
    if kind is None:
        raise wrong(f"parameters.{name}", f"is none of a chat's: {', '.join(_TYPES)}")
    try:
        found = kind(value)
        # Nothing is rounded or cut off, and JSON can say it: a number has at most 64 bits and an end.
        text = isinstance(value, str)
        exact = text if isinstance(found, str) else abs(found) < 2**63 and (text or found == value)
    except (ValueError, OverflowError):
        exact = False
    if not exact:
        raise wrong(f"parameters.{name}", f"must be of type {kind.__name__}")
    return found


def answer(body: bytes, request: TensorRequest, model: str, request_id: str) -> TensorAnswer:
    """A model's chat completion as an answer. Raises TiermeshError(UPSTREAM_FAILED) where it is none."""
    turn = whole(read_answer(body), request_id, HIDDEN)
    text = "".join([block.text for block in turn.blocks])
    return delta(request, model, text)._replace(parameters=_finish(turn))


def _finish(turn: Turn) -> Parameters:
    return {"finish_reason": turn.finish} if turn.finish else tensors.NONE


def delta(request: TensorRequest, model: str, text: str) -> TensorAnswer:
    """One piece of a streamed answer, or a whole one."""
    return TensorAnswer([Tensor(_OUTPUT, "BYTES", [1], [text])], model, id=request.id)


def metadata(model: str, versions: Sequence[str]) -> Metadata:
    """What a chat Route says of itself. An input of any name will do; this one is Triton's."""
    text_input, text_output = Signature("text_input", "BYTES", [1]), Signature(_OUTPUT, "BYTES", [1])
    return Metadata(model, versions, "tiermesh_chat", [text_input], [text_output])


class Deltas:
    """A chat's stream as answers, one for each piece of text. A `routers.protocols.translation.Frames`."""

    def __init__(
        self,
        request: TensorRequest,
        model: str,
        render: Callable[[TensorAnswer], bytes],
        fail: Callable[[TiermeshError], bytes],
    ) -> None:
        """`render` writes one answer of the stream, `fail` its end where it broke."""
        self._request = request
        self._model = model
        self._render = render
        self._fail = fail

    def begun(self, turn: Turn) -> bytes:
        return b""

    def opened(self, block: Block) -> bytes:
        return b""

    def grew(self, block: Block, text: str) -> bytes:
        return self._render(delta(self._request, self._model, text))

    def closed(self, turn: Turn, block: Block) -> bytes:
        return b""

    def ended(self, turn: Turn) -> bytes:
        if not self._request.parameters.get(LAST):
            return b""
        parameters = {FINAL: True, **_finish(turn)}
        return self._render(TensorAnswer([], self._model, id=self._request.id, parameters=parameters))

    def failed(self, turn: Turn, error: TiermeshError) -> bytes:
        return self._fail(error)
