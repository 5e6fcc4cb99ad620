"""Which settings of the processes the chart's values reach, and how a schema says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control_plane.settings import ControlPlaneSettings
from control_plane.spec.settings import Settings
from operators.settings import OperatorSettings
from routers.settings import RouterSettings


@dataclass(frozen=True)
class Component:
    """A process of the chart, and what its pod alone knows."""

    settings: type[Settings]
    own: frozenset[str]
    """Settings that templates write: addresses, names, and whatever is secret."""

    @property
    def free(self) -> tuple[str, ...]:
        """Settings that values may say."""
        return tuple(name for name in self.settings.model_fields if name not in self.own | {"home"})

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the free ones, in camel case."""
        whole = self.settings.model_json_schema(by_alias=False)
        properties = {camel(name): _property(whole["properties"][name], whole.get("$defs", {})) for name in self.free}
        return {"type": "object", "additionalProperties": False, "properties": properties}


COMPONENTS: Mapping[str, Component] = {
    "controlPlane": Component(
        ControlPlaneSettings,
        frozenset(
            {"name", "port", "admin_port", "given_tokens", "given_tokens_folder"}
            | {"database_url", "mlflow_url", "kafka_username", "kafka_password"}
        ),
    ),
    "router": Component(
        RouterSettings,
        frozenset(
            {"name", "port", "grpc_port", "admin_port"}
            | {"control_plane_url", "control_plane_token", "redis_url", "config"}
        ),
    ),
    "operator": Component(
        OperatorSettings,
        frozenset(
            {"name", "admin_port", "namespaces", "lease_namespace", "lease_name"}
            | {"control_plane_url", "control_plane_token", "control_plane_token_file"}
        ),
    ),
}
"""Key in values.yaml -> what runs there."""

_BOUNDS = ("type", "enum", "pattern", "minLength", "minimum", "maximum", "exclusiveMinimum", "items", "uniqueItems")


def camel(name: str) -> str:
    """`follow_seconds` as values write it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _property(said: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What pydantic says, without null: a value that is not there is left out. What a process reads from text of a form
    of its own is text here."""
    found = dict(next((one for one in said.get("anyOf", ()) if one.get("type") != "null"), said))
    if "$ref" in found:
        found = known[found["$ref"].rpartition("/")[2]]
    if "properties" in found:
        properties = {name: _property(one, known) for name, one in found["properties"].items()}
        return {
            "type": "object",
            "additionalProperties": False,
            "required": found["required"],
            "properties": properties,
        }
    if found["type"] == "object":
        inner = found["additionalProperties"]
        text = inner["type"] == "array"
        return {"type": "object", "additionalProperties": {"type": "string"} if text else _property(inner, known)}
    return {key: found[key] for key in _BOUNDS if key in found}
