"""Structural: a part of the published language as a schema that Kubernetes takes. Pure.

Kubernetes takes less than JSON Schema has: no references, no unions but one with null, no constants, nothing about the
names of a map. What such a name may be becomes a rule.

There are no defaults. A Kubernetes API would write them into what people apply: it would no longer read back as it was
written, would be another document than the same file on a laptop, and would keep today's defaults after an upgrade; and
some fields may not stand beside others (`version`, where the model registry says it). So what is left out stays left
out, the control plane fills it in, and descriptions say with what.
"""

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

from control_plane.spec import rules
from control_plane.spec.base import Spec
from control_plane.spec.rules.rule import Rule
from control_plane.spec.rules.texts import TEXTS

Schema = dict[str, Any]
_VALIDATIONS = "x-kubernetes-validations"
_KEY = "x-key"
"""By what lists of such objects are keyed."""
_COPIED = (
    "description", "enum", "format", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength",
    "minimum", "not", "nullable", "pattern", "required", "type", _VALIDATIONS,
)  # fmt: skip
_FORMATS = frozenset({"date-time"})
_NULL = {"type": "null"}


class _WithRules(GenerateJsonSchema):
    """Pydantic's own, and beside each object the rules of its class."""

    @override
    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        if found := [validation(rule) for rule in rules.of(schema["cls"])]:
            made[_VALIDATIONS] = found
        if key := rules.KEYS.get(schema["cls"]):
            made[_KEY] = key
        return made


def validation(rule: Rule) -> Schema:
    """A rule as a schema holds it."""
    said = {"rule": rule.cel, "message": rule.message}
    return said | {"fieldPath": rule.field} if rule.field else said


def structural(spec: type[Spec]) -> Schema:
    """The schema of a class."""
    whole = spec.model_json_schema(by_alias=True, schema_generator=_WithRules)
    return _converted(whole, whole.get("$defs", {}))


def _converted(schema: Mapping[str, Any], named: Mapping[str, Schema]) -> Schema:
    said = _plain(schema, named)
    made = {word: said[word] for word in _COPIED if word in said}
    if made.get("format") not in _FORMATS:
        made.pop("format", None)
    if text := TEXTS.get(said.get("pattern", "")):
        # A pattern would be checked first, and says nothing that helps.
        cel = f'self.matches(r"{made.pop("pattern")}")'
        if other := made.pop("not", {}).get("pattern"):
            cel += f' && !self.matches(r"{other}")'
        made = {"maxLength": text.longest, **made, _VALIDATIONS: [validation(Rule(cel, text.words))]}
    if "description" in made or "default" in said:
        made["description"] = _described(said)
    for bound, word in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if word in said:
            made |= {bound: said[word], word: True}
    if "const" in said:
        made["enum"] = [said["const"]]
    if "items" in said:
        made |= _list(said, named)
    if "properties" in said:
        made["properties"] = {name: _converted(one, named) for name, one in said["properties"].items()}
    elif made.get("type") == "object":
        made |= _map(said, named)
    return {word: value for word, value in made.items() if value not in ("", [], {})}


def _list(said: Mapping[str, Any], named: Mapping[str, Schema]) -> Schema:
    made: Schema = {"items": _converted(said["items"], named)}
    if said.get("uniqueItems"):
        return made | {"x-kubernetes-list-type": "set"}
    if key := _plain(said["items"], named).get(_KEY):
        return made | {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
    return made


def _plain(schema: Mapping[str, Any], named: Mapping[str, Schema]) -> Schema:
    """Without a reference, and without null: what may be left out need not be null, but where that means something
    else than the default."""
    said = dict(schema)
    if "anyOf" in said:
        some = [one for one in said.pop("anyOf") if one != _NULL]
        assert len(some) == 1, f"Kubernetes has no unions: {schema}"
        said = some[0] | said
        if said.get("default") is not None:
            said["nullable"] = True
    if "$ref" in said:
        said = _plain(named[said.pop("$ref").rpartition("/")[2]], named) | said
    return said


def _described(said: Mapping[str, Any]) -> str:
    """In one line, and with what stands for it where it is left out."""
    text = " ".join(said.get("description", "").split())
    default = said.get("default")
    if default is None or default == "" or isinstance(default, list | dict):
        return text
    written = str(default).lower() if isinstance(default, bool) else f"{default}"
    return f"{text} Default: {written}.".strip()


def _must(pattern: str) -> str:
    return TEXTS[pattern].words if pattern in TEXTS else f"must match {pattern}"


def _map(said: Mapping[str, Any], named: Mapping[str, Schema]) -> Schema:
    """A map: Kubernetes says nothing of its names by itself."""
    patterns: Mapping[str, Schema] = said.get("patternProperties", {})
    values = next(iter(patterns.values()), said.get("additionalProperties"))
    if values is True or values is None:
        return {"x-kubernetes-preserve-unknown-fields": True}
    made: Schema = {"additionalProperties": _converted(values, named)}
    found = [
        validation(Rule(f'self.all(name, name.matches(r"{pattern}"))', f"a name {_must(pattern)}"))
        for pattern in patterns
    ]
    return made | ({_VALIDATIONS: found} if found else {})
