"""Events on Kafka: the real client of the control plane against the broker that librdkafka brings along, over TCP."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from pydantic import SecretStr

from control_plane.outcomes.intake import Intake
from control_plane.outcomes.kafka import NUMBER, Broker, KafkaSink
from control_plane.outcomes.relay import Relay
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.events import Feedback
from control_plane.store import sinks
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics
from tests.unit.control_plane.conftest import database as database
from tests.unit.control_plane.outcomes.samples import SPOOL, batch, exposure, feedback

Message = tuple[str, str, str]
"""Key, what the event is, and its number."""


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """Where it listens. It speaks Kafka's protocol, and keeps messages in memory."""
    cluster = Producer({"bootstrap.servers": "nowhere", "test.mock.num.brokers": 1, "log_level": 0})
    (found,) = cluster.list_topics(timeout=30).brokers.values()
    yield f"{found.host}:{found.port}"


def messages(servers: str, topic: str, count: int) -> list[Message]:
    """All that is there: so many, and no more."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": topic})
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    found: list[Message] = []
    while message := consumer.poll(30 if len(found) < count else 0.2):
        assert message.error() is None
        number = dict(message.headers() or [])[NUMBER]
        said = json.loads(message.value() or b"")
        found.append(((message.key() or b"").decode(), said["kind"], (number or b"").decode()))
    consumer.close()
    return found


def relay(database: Database, servers: str, topic: str) -> tuple[Relay, KafkaSink]:
    sink = KafkaSink(Broker(servers, topic))
    return Relay(database, sink, ControlPlaneMetrics()), sink


async def test_each_event_that_was_counted_is_a_message_with_its_id_and_number(database: Database, broker: str) -> None:
    intake = Intake(database, ControlPlaneMetrics())
    said = batch(1, exposure("r1", 0, "ann"), {"kind": "visit"}, feedback("f1", 1, unit="ann"))
    intake.take(said)
    intake.take(said)
    relaying, sink = relay(database, broker, "counted")
    await relaying.step()
    intake.report([Feedback.model_validate(feedback("f2", 1, unit="ann"))])
    await relaying.step()
    await relaying.step()
    await sink.close()
    found = await asyncio.to_thread(messages, broker, "counted", 3)
    assert sorted((key, kind) for key, kind, _ in found) == [("f1", "feedback"), ("f2", "feedback"), ("r1", "exposure")]
    assert {number for key, _, number in found if key != "f2"} == {f"{SPOOL}/1", f"{SPOOL}/3"}


async def test_what_was_sent_and_not_noted_comes_again_with_the_same_number(database: Database, broker: str) -> None:
    Intake(database, ControlPlaneMetrics()).take(batch(1, exposure("r1", 0, "ann")))
    for _ in range(2):
        relaying, sink = relay(database, broker, "again")
        await relaying.step()
        await sink.close()
        with database.write() as transaction:
            sinks.note(transaction, sink.name, 0)  # as if it had been killed before it wrote that down
    found = await asyncio.to_thread(messages, broker, "again", 2)
    assert found == [("r1", "exposure", f"{SPOOL}/1")] * 2


async def test_while_nobody_listens_events_wait_and_the_error_says_where(database: Database, broker: str) -> None:
    Intake(database, ControlPlaneMetrics()).take(batch(1, exposure("r1", 0, "ann")))
    relaying, _ = relay(database, "127.0.0.1:1", "later")
    with pytest.raises(TiermeshError, match=r"127\.0\.0\.1:1") as caught:
        await relaying.step()
    assert caught.value.code is Code.UNAVAILABLE
    relaying, sink = relay(database, broker, "later")
    await relaying.step()
    await sink.close()
    assert len(await asyncio.to_thread(messages, broker, "later", 1)) == 1


@pytest.mark.parametrize(
    ("given", "protocol"),
    [
        (Broker("kafka:9092", "t"), "PLAINTEXT"),
        (Broker("kafka:9092", "t", tls=True), "SSL"),
        (Broker("kafka:9092", "t", username="u", password=SecretStr("p")), "SASL_PLAINTEXT"),
        (Broker("kafka:9092", "t", tls=True, username="u", password=SecretStr("p")), "SASL_SSL"),
    ],
)
def test_what_the_settings_say_is_what_the_client_is_told(given: Broker, protocol: str) -> None:
    said = given.arguments()
    assert (said["security_protocol"], said.get("sasl_plain_password"), "ssl_context" in said) == (
        protocol,
        "p" if given.password else None,
        given.tls,
    )
