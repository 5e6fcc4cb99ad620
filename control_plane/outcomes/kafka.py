"""Kafka: events as messages of a topic, for whoever analyses them elsewhere."""

import asyncio
import contextlib
import json
import ssl
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from pydantic import SecretStr

from control_plane.spec.errors import Code, TiermeshError
from control_plane.store.event_batches import EventBatch

NUMBER = "tiermesh-number"
"""The header with `SPOOL/NUMBER`: what is handed over again has the same one."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where Kafka is."""

    servers: str
    """`HOST:PORT`, several with commas."""
    topic: str
    tls: bool = False
    username: str | None = None
    password: SecretStr | None = None

    def arguments(self) -> dict[str, Any]:
        """For the client: all replicas have a message before it counts as sent, and a repetition is none."""
        said: dict[str, Any] = {"bootstrap_servers": self.servers, "acks": "all", "enable_idempotence": True}
        if self.tls:
            said["ssl_context"] = ssl.create_default_context()
        if self.username is None or self.password is None:
            return said | {"security_protocol": "SSL" if self.tls else "PLAINTEXT"}
        return said | {
            "security_protocol": "SASL_SSL" if self.tls else "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password.get_secret_value(),
        }


class KafkaSink:
    """A message for each event: its id is the key, so that what is said of one request stays in order."""

    def __init__(self, broker: Broker) -> None:
        self.name = f"kafka/{broker.topic}"
        self._broker = broker
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, batch: EventBatch) -> None:
        """Raises TiermeshError(UNAVAILABLE) where the broker does not take it."""
        try:
            producer = await self._open()
            sent = [
                await producer.send(
                    self._broker.topic,
                    json.dumps(event, separators=(",", ":")).encode(),
                    key=str(event["id"]).encode(),
                    headers=[(NUMBER, f"{batch.spool}/{number}".encode())],
                )
                for number, event in enumerate(batch.events, batch.first)
                if event is not None
            ]
            await asyncio.gather(*sent)
        except (KafkaError, OSError) as error:
            await self.close()
            raise TiermeshError(
                Code.UNAVAILABLE,
                f"Kafka at {self._broker.servers} does not take events: {type(error).__name__}.",
                "Check TIERMESH_CONTROL_PLANE_KAFKA_SERVERS and that the topic is there; meanwhile they are kept.",
            ) from error

    async def close(self) -> None:
        """Let go of connections."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, OSError):
                await producer.stop()

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(**self._broker.arguments())
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer
