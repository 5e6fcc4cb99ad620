"""Documents go upwards in batches, and who is at fault stands alone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.names import Key
from control_plane.spec.records import Applied, Change, Outcome
from operators import upward
from operators.upward import Upward

AWAY = TiermeshError(Code.UNAVAILABLE, "The control plane does not answer.")


def _key(kind: str, name: str) -> Key:
    return Key(kind, name, "team")


def _document(key: Key, says: str = "") -> dict[str, Any]:
    return {"kind": key.kind, "metadata": {"name": key.name, "namespace": key.namespace}, "spec": {"says": says}}


class Plane:
    """Takes documents, and refuses as it is told."""

    def __init__(self, refuse: Callable[[list[str]], TiermeshError | None] = lambda _: None) -> None:
        self.refuse = refuse
        self.calls: list[list[str]] = []
        self.has: dict[Key, dict[str, Any]] = {}

    async def apply(self, documents: Sequence[dict[str, Any]], deleted: Sequence[Key], reason: str) -> Applied:
        names = [one["metadata"]["name"] for one in documents]
        self.calls.append(names + [f"-{key.name}" for key in deleted])
        if error := self.refuse(self.calls[-1]):
            raise error
        said = {_key(one["kind"], one["metadata"]["name"]): one for one in documents}
        changed = {key for key, one in said.items() if self.has.get(key) != one} | (self.has.keys() & set(deleted))
        self.has.update(said)
        for key in deleted:
            self.has.pop(key, None)
        changes = [
            Change(
                kind=key.kind,
                name=key.name,
                namespace=key.namespace,
                generation=1,
                outcome=Outcome.CHANGED if key in changed else Outcome.UNCHANGED,
            )
            for key in [*said, *deleted]
        ]
        return Applied(changes=tuple(changes), snapshot=len(self.calls), published=True)


class Desk:
    """What goes upwards, and the answers that came."""

    def __init__(self, plane: Plane) -> None:
        self.answered: list[Key] = []
        self.upward = Upward(plane, self.answered.append, "test")

    async def settle(self, *keys: Key) -> None:
        async with asyncio.timeout(5):
            while len(self.upward) or any(self.upward.standing(key) is None for key in keys):
                await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upward, "GATHER_SECONDS", 0.001)
    monkeypatch.setattr(upward, "FIRST_RETRY_SECONDS", 0.001)
    monkeypatch.setattr(upward, "AGAIN_SECONDS", 0.01)


@asynccontextmanager
async def _desk(plane: Plane) -> AsyncIterator[Desk]:
    desk = Desk(plane)
    running = asyncio.create_task(desk.upward.run())
    try:
        yield desk
    finally:
        running.cancel()


async def test_what_comes_together_is_one_write_with_names_before_who_names_them() -> None:
    plane = Plane()
    async with _desk(plane) as desk:
        keys = [_key("Rollout", "c"), _key("Route", "b"), _key("Model", "a")]
        for key in keys:
            desk.upward.want(key, _document(key))
        desk.upward.want(_key("Model", "x"), None)
        desk.upward.want(_key("Route", "y"), None)
        await desk.settle(*keys)
    assert plane.calls == [["a", "b", "c", "-y", "-x"]]
    assert sorted(desk.answered) == sorted([*keys, _key("Model", "x"), _key("Route", "y")])


async def test_what_is_settled_is_not_said_twice() -> None:
    plane = Plane()
    async with _desk(plane) as desk:
        key = _key("Model", "a")
        for _ in range(3):
            desk.upward.want(key, _document(key))
            await desk.settle(key)
        assert len(plane.calls) == 1
        desk.upward.want(key, _document(key, "else"))
        await desk.settle(key)
        assert len(plane.calls) == 2
        desk.upward.doubt([key])
        assert desk.upward.standing(key) is None


async def test_whom_a_refusal_names_is_set_aside_and_the_others_go_at_once() -> None:
    def refuse(names: list[str]) -> TiermeshError | None:
        bad = [name for name in names if name.startswith("bad")]
        errors = tuple(FieldError(f"Route/team/{name}.spec.tiers", "there is no Model") for name in bad)
        return TiermeshError(Code.INVALID_DOCUMENT, "They do not fit.", errors=errors) if bad else None

    plane = Plane(refuse)
    async with _desk(plane) as desk:
        keys = [_key("Route", name) for name in ("bad-1", "good-1", "bad-2", "good-2")]
        for key in keys:
            desk.upward.want(key, _document(key))
        await desk.settle(*keys)
        assert plane.calls[:2] == [["bad-1", "good-1", "bad-2", "good-2"], ["good-1", "good-2"]]
        found = [desk.upward.standing(key) for key in keys]
        assert [one and one.refusal for one in found] == ["spec.tiers: there is no Model", None] * 2
        assert found[0] is not None
        assert found[0].reason == "InvalidDocument"


async def test_where_a_refusal_names_nobody_halves_find_who_it_is() -> None:
    def refuse(names: list[str]) -> TiermeshError | None:
        return TiermeshError(Code.CONFLICT, "One is somebody else's.") if "m-5" in names else None

    plane = Plane(refuse)
    async with _desk(plane) as desk:
        keys = [_key("Model", f"m-{number}") for number in range(8)]
        for key in keys:
            desk.upward.want(key, _document(key))
        await desk.settle(*keys)
        refused = [key.name for key in keys if (one := desk.upward.standing(key)) and not one.accepted]
        assert refused == ["m-5"]
        assert len(plane.has) == 7


def _needing_m(plane: Plane) -> None:
    """`r` is refused without `m`, and `x` whatever is there; no refusal names anybody."""

    def refuse(names: list[str]) -> TiermeshError | None:
        lacking = "r" in names and not {"m"} & {*names, *(key.name for key in plane.has)}
        return TiermeshError(Code.CONFLICT, "Something is wrong.") if lacking or "x" in names else None

    plane.refuse = refuse


async def test_what_was_refused_for_what_others_say_is_said_again_once_they_say_otherwise() -> None:
    plane = Plane()
    _needing_m(plane)
    async with _desk(plane) as desk:
        route, model = _key("Route", "r"), _key("Model", "m")
        desk.upward.want(route, _document(route))
        await desk.settle(route)
        desk.upward.want(model, _document(model))
        async with asyncio.timeout(5):
            while not ((one := desk.upward.standing(route)) and one.accepted):
                await asyncio.sleep(0.001)


async def test_what_was_said_in_parts_is_said_again_where_a_later_part_makes_it_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upward, "AGAIN_SECONDS", 60)
    plane = Plane()
    _needing_m(plane)
    async with _desk(plane) as desk:
        for name in ("r", "x", "m"):
            desk.upward.want(_key("Model", name), _document(_key("Model", name)))
        async with asyncio.timeout(5):
            while _key("Model", "r") not in plane.has:
                await asyncio.sleep(0.001)


async def test_while_nobody_answers_everybody_hears_it_and_it_is_said_later() -> None:
    plane = Plane(lambda _: AWAY)
    async with _desk(plane) as desk:
        key = _key("Model", "a")
        desk.upward.want(key, _document(key))
        async with asyncio.timeout(5):
            while desk.upward.standing(key) is None:
                await asyncio.sleep(0.001)
        standing = desk.upward.standing(key)
        assert standing is not None
        assert (standing.accepted, standing.unreachable) == (False, str(AWAY))
        assert desk.upward.reachable is False
        plane.refuse = lambda _: None
        await desk.settle(key)
        assert _key("Model", "a") in plane.has
        assert desk.upward.reachable is True


async def test_what_cannot_be_answered_now_keeps_nobody_else_waiting() -> None:
    plane = Plane(lambda names: AWAY if "needs-mlflow" in names else None)
    async with _desk(plane) as desk:
        stuck, other = _key("Model", "needs-mlflow"), _key("Route", "b")
        desk.upward.want(stuck, _document(stuck))
        desk.upward.want(other, _document(other))
        async with asyncio.timeout(5):
            while other not in plane.has:
                await asyncio.sleep(0.001)
        assert stuck not in plane.has
