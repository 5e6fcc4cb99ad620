"""Turn: what a model has said so far, as blocks one after the other: a text, a refusal, a thought, a tool call."""

from collections.abc import Iterable

from routers.protocols.completion import Kind, Piece, Said, Usage, unreadable


class Block:
    """One block, as far as it has come."""

    __slots__ = ("_call", "_texts", "id", "kind", "name", "position")

    def __init__(self, piece: Piece, position: int, id: str) -> None:
        """`position` is its place in the turn; `id` is of a tool call."""
        self.kind = piece.kind
        self.name = piece.name
        self.position = position
        self.id = id
        self._call = piece.call
        self._texts: list[str] = []

    @property
    def text(self) -> str:
        """All of its text; of a tool call, the arguments as JSON."""
        return "".join(self._texts)

    def append(self, text: str) -> None:
        self._texts.append(text)

    def goes_on_with(self, piece: Piece) -> bool:
        """Whether a piece belongs to this block. A new call has a new number, or a new id where models do not count."""
        return piece.kind is self.kind and piece.call == self._call and piece.id in ("", self.id)


class Turn:
    """One answer, as far as it has come."""

    def __init__(self, request_id: str, hidden: Iterable[Kind] = ()) -> None:
        """`request_id` names tool calls that the model leaves without an id; what is `hidden` is left out."""
        self._request_id = request_id
        self._hidden = frozenset(hidden)
        self.blocks: list[Block] = []
        self.finish: str | None = None
        self.stop: str | None = None
        self.usage: Usage | None = None
        self.created = 0

    def note(self, said: Said) -> list[Piece]:
        """Take what is said about the answer; the pieces to `place` are returned."""
        self.finish = said.finish or self.finish
        self.stop = said.stop or self.stop
        self.usage = said.usage or self.usage
        self.created = self.created or said.created
        return [piece for piece in said.pieces if piece.kind not in self._hidden]

    def place(self, piece: Piece) -> Block:
        """Add a piece to the last block, or begin a new one with it.

        Raises TiermeshError(UPSTREAM_FAILED) where a tool call has no name, as when calls are mingled.
        """
        if not self.blocks or not self.blocks[-1].goes_on_with(piece):
            if piece.kind is Kind.CALL and not piece.name:
                raise unreadable("a tool call has no name")
            position = len(self.blocks)
            self.blocks.append(Block(piece, position, piece.id or f"call_{self._request_id}_{position}"))
        block = self.blocks[-1]
        block.append(piece.text)
        return block

    @property
    def calls_tools(self) -> bool:
        """Whether the caller is to run a tool."""
        return any(block.kind is Kind.CALL for block in self.blocks)


def whole(said: Said, request_id: str, hidden: Iterable[Kind] = ()) -> Turn:
    """The turn of a whole answer. Raises as `Turn.place` does."""
    turn = Turn(request_id, hidden)
    for piece in turn.note(said):
        turn.place(piece)
    return turn
