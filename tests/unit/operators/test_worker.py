"""What is decided is carried out, once and in order, whatever fails on the way."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from control_plane.spec.records import Applied, Change, Outcome
from observability.operator_metrics import OperatorMetrics
from operators import upward, worker
from operators.cache import Cache
from operators.kinds import FINALIZER, Object
from operators.queue import Queue
from operators.render import Site
from operators.resource import Resource
from operators.telling import Telling
from operators.upward import Upward
from operators.worker import Knowledge, Worker
from tests.unit.operators.samples import HERE, MANAGER, resource, routers


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upward, "GATHER_SECONDS", 0.001)
    monkeypatch.setattr(worker, "FIRST_RETRY_SECONDS", 0.001)


class World:
    """A cluster and a control plane that keep what is written; events come back as kopf would bring them."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.documents: dict[Key, Any] = {}
        self.writes: list[str] = []
        self.refusals: dict[str, TiermeshError] = {}
        self._versions = itertools.count(100)
        self.cache = Cache()
        self.queue: Queue[Key] = Queue()
        self.upward = Upward(self, self.queue.add, "test")
        self.knows = Knowledge(Site(), 300, presence=routers(1000))

    def see(self, one: Resource) -> None:
        """Somebody wrote a custom resource."""
        self._keep(dict(one.body))
        self.queue.add(one.key)

    def _keep(self, body: Object) -> Object:
        metadata = {"uid": f"uid-{body['metadata']['name']}"} | body["metadata"]
        metadata["resourceVersion"] = str(next(self._versions))
        kept = {**body, "metadata": metadata}
        self.objects[kept["kind"], kept["metadata"]["name"]] = kept
        self.cache.put(kept)
        return kept

    def _write(self, what: str) -> None:
        self.writes.append(what)
        if (error := self.refusals.get(what)) is not None:
            raise error

    async def apply(self, *said: Any) -> Any:
        return await (self._apply_child(*said) if len(said) == 1 else self._apply_documents(*said))

    async def _apply_child(self, wanted: Object) -> Object:
        self._write(f"apply {wanted['kind']}")
        return self._keep(wanted)

    async def _apply_documents(self, documents: Sequence[Any], deleted: Sequence[Key], reason: str) -> Applied:
        keys = [Key(one["kind"], one["metadata"]["name"], one["metadata"]["namespace"]) for one in documents]
        self.documents |= dict(zip(keys, documents, strict=True))
        for key in deleted:
            self.documents.pop(key, None)
        changes = [Change(**key._asdict(), generation=1, outcome=Outcome.CHANGED) for key in (*keys, *deleted)]
        return Applied(changes=tuple(changes), snapshot=5, published=True)

    async def delete(self, live: Object) -> None:
        self._write(f"delete {live['kind']}")

    async def hold(self, one: Resource) -> Object:
        self._write("hold")
        return self._keep({**one.body, "metadata": {**one.body["metadata"], "finalizers": [FINALIZER]}})

    async def release(self, one: Resource) -> None:
        self._write("release")
        del self.objects[one.key.kind, one.key.name]
        self.cache.drop(one.body)
        self.queue.add(one.key)

    async def write_status(self, one: Resource, status: Object) -> Object:
        self._write("status")
        return self._keep({**self.objects[one.key.kind, one.key.name], "status": status})

    async def find(self, wanted: Object) -> Object | None:
        return self.objects.get((wanted["kind"], wanted["metadata"]["name"]))

    async def read(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        return self.objects.get((kind, name))


@asynccontextmanager
async def _working(world: World) -> AsyncIterator[None]:
    async def write(*_: object) -> None: ...

    metrics = OperatorMetrics()
    telling = Telling(write, 100, metrics)
    made = Worker(world.cache, world.queue, world, world.upward, telling, world.knows, metrics, MANAGER, 3600)
    running = [asyncio.create_task(each) for each in (world.upward.run(), made.run(), made.run())]
    try:
        yield
    finally:
        for each in running:
            each.cancel()


async def _until(right: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not right():
            await asyncio.sleep(0.001)


def _ready(world: World, name: str = "small") -> bool:
    conditions = world.objects["Model", name].get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


async def test_a_new_resource_is_held_sent_and_said_to_be_ready_with_a_write_each() -> None:
    world = World()
    async with _working(world):
        world.see(resource(finalizers=[]))
        await _until(lambda: _ready(world))
    assert world.writes == ["hold", "status"]
    assert Key("Model", "small", "team") in world.documents


async def test_what_an_api_server_refuses_keeps_nothing_else_from_being_written_and_is_tried_again() -> None:
    world = World()
    world.refusals["apply Service"] = TiermeshError(Code.FORBIDDEN, "services is forbidden")
    async with _working(world):
        one = resource(name="big", spec=HERE)
        world.see(one)
        await _until(lambda: world.writes.count("apply Service") > 2)
        await _until(lambda: "status" in world.writes)
        assert ("Deployment", "model-big") in world.objects
        assert one.key not in world.documents  # it cannot be reached
        conditions = world.objects["Model", "big"]["status"]["conditions"]
        assert [each["reason"] for each in conditions] == ["WriteRefused", "WriteRefused"]
        assert "services is forbidden" in conditions[0]["message"]
        world.refusals.clear()
        await _until(lambda: ("Service", "model-big") in world.objects)
        await _until(lambda: one.key in world.documents)


async def test_what_somebody_else_made_under_the_name_of_a_child_is_left_as_it_is_and_said_to_be_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    world = World()
    stranger = {"kind": "Deployment", "metadata": {"name": "model-big", "namespace": "team"}, "spec": {"replicas": 9}}
    world.objects["Deployment", "model-big"] = stranger
    async with _working(world):
        world.see(resource(name="big", spec=HERE))
        await _until(lambda: world.objects["Model", "big"].get("status", {}).get("conditions"))
        assert ("Service", "model-big") in world.objects
        assert world.objects["Deployment", "model-big"] is stranger
        conditions = world.objects["Model", "big"]["status"]["conditions"]
        assert [each["reason"] for each in conditions] == ["WriteRefused", "WriteRefused"]
        assert "Deployment 'model-big' is there already and belongs to nobody" in conditions[0]["message"]
        assert "'model-big' written" not in caplog.text
        del world.objects["Deployment", "model-big"]
        await _until(lambda: world.objects.get(("Deployment", "model-big")))


async def test_a_deleted_resource_goes_once_its_document_has() -> None:
    world = World()
    async with _working(world):
        one = resource()
        world.see(one)
        await _until(lambda: one.key in world.documents)
        world.see(
            Resource({**one.body, "metadata": {**one.body["metadata"], "deletionTimestamp": "2026-03-01T12:00:00Z"}})
        )
        await _until(lambda: "release" in world.writes)
        assert world.documents == {}
        await _until(lambda: world.upward.standing(one.key) is None)


async def test_a_resource_whose_finalizer_was_taken_away_leaves_no_document() -> None:
    world = World()
    async with _working(world):
        one = resource()
        world.see(one)
        await _until(lambda: one.key in world.documents)
        world.cache.drop(world.objects["Model", "small"])
        world.queue.add(one.key)
        await _until(lambda: not world.documents)


async def test_a_resource_that_was_deleted_while_nobody_watched_is_forgotten() -> None:
    world = World()
    world.refusals["status"] = TiermeshError(Code.NOT_FOUND, "not found")
    async with _working(world):
        one = resource()
        world.see(one)
        del world.objects["Model", "small"]
        await _until(lambda: world.cache.resource(one.key) is None)


async def test_a_bug_about_one_resource_does_not_end_the_work_on_others(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    async with _working(world):
        broken = resource(name="broken")
        world.see(Resource({**broken.body, "metadata": {**broken.body["metadata"], "generation": "no number"}}))
        world.see(resource())
        await _until(lambda: _ready(world))
    assert "a look failed in a way that it should not" in caplog.text
