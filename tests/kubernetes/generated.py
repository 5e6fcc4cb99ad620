"""Documents that chance makes, and that the language takes: a whole one each, with some of its fields made anew."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from control_plane.spec import documents
from control_plane.spec.documents import API_VERSION, parse
from control_plane.spec.errors import TiermeshError

Schema = Mapping[str, Any]
_TEXT = st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"))
_ASCII = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
_METRIC = {
    "name": "sold",
    "of": "outcome",
    "outcome": "order",
    "kind": "proportion",
    "goal": "increase",
    "primary": True,
}

BASES: dict[str, tuple[dict[str, Any], ...]] = {
    "Model": (
        {"engine": "vllm", "tier": "heavy", "source": "hf://a/b"},
        {"engine": "vllm", "tier": "heavy", "url": "http://h:9/v1"},
        {"engine": "transformers", "tier": "heavy", "source": "models:/support@production"},
        {
            "engine": "faq",
            "tier": "light",
            "source": "bundled://a",
            "faq": {"knowledge": "file:///k", "threshold": 0.5},
        },
        {"engine": "openai", "tier": "heavy", "urls": ["http://h:9/v1"]},
        {"engine": "kserve", "tier": "light", "source": "s3://a/b"},
        {"engine": "triton", "tier": "light", "url": "http://h:9"},
        {"engine": "bento", "tier": "light", "kubernetes": {"image": "a:1"}},
    ),
    "Route": ({"tiers": {"light": ["a"], "heavy": ["b"]}},),
    "Tenant": ({},),
    "Prompt": ({"template": "Be kind."}, {"chat": [{"role": "user", "content": "{{input}}"}]}),
    "Experiment": ({"route": "r", "arms": [{"name": "a"}, {"name": "b"}], "metrics": [_METRIC]},),
    "Rollout": (
        {"route": "r", "override": {"complexity": {"threshold": 0}}, "steps": [{"setWeight": 5}]},
        {"route": "r", "onChange": ["prompt"], "steps": [{"setWeight": 5}], "guardrails": []},
    ),
    "ScalingPolicy": (
        {"model": "m", "max": 9, "signals": [{"metric": "queue", "target": 1}]},
        {"model": "m", "max": 9, "schedule": [{"start": "0 8 * * *", "end": "0 9 * * *", "min": 2}]},
    ),
}


def specs(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Specs of a kind that the language takes."""
    schema = getattr(documents, kind).model_fields["spec"].annotation.model_json_schema(by_alias=True)
    fields = {name: _values(one, schema.get("$defs", {})) for name, one in schema["properties"].items()}
    some = st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True)
    anew = some.flatmap(lambda names: st.fixed_dictionaries({name: fields[name] for name in names}))
    return st.builds(lambda base, more: base | more, st.sampled_from(BASES[kind]), anew).filter(
        lambda spec: _is_taken(manifest(kind, "made", spec))
    )


def manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A document."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _is_taken(made: dict[str, Any]) -> bool:
    try:
        parse(made)
    except TiermeshError:
        return False
    return True


def _values(schema: Schema, named: Mapping[str, Schema]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return st.deferred(lambda: _values(named[schema["$ref"].rpartition("/")[2]], named))
    if "anyOf" in schema:
        return st.one_of([_values(one, named) for one in schema["anyOf"] if one != {"type": "null"}])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    match schema["type"]:
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", 0), int(_most(schema)))
        case "number":
            least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
            floats = st.floats(
                least,
                _most(schema),
                exclude_min="exclusiveMinimum" in schema,
                exclude_max="exclusiveMaximum" in schema,
            )
            return floats | st.integers(int(least) + 1, int(_most(schema)) + 1)
        case "string":
            return _texts(schema)
        case "array":
            return st.lists(_values(schema["items"], named), min_size=schema.get("minItems", 0), max_size=4)
        case _:
            return _objects(schema, named)


def _most(schema: Schema) -> float:
    most: float = schema.get("maximum", schema.get("exclusiveMaximum", 10_000))
    return most


def _texts(schema: Schema) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda at: at.strftime("2%y-%m-%dT%H:%M:%SZ"))
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True, alphabet=_ASCII)
    return st.text(_TEXT, min_size=schema.get("minLength", 0), max_size=min(20, schema.get("maxLength", 20)))


def _objects(schema: Schema, named: Mapping[str, Schema]) -> st.SearchStrategy[dict[str, Any]]:
    if "properties" not in schema:
        pattern, values = next(iter(schema.get("patternProperties", {}).items()), ("^[a-z]{1,9}$", {"type": "object"}))
        inner = _values(values, named) if values != {"type": "object"} else st.just({"type": "object"})
        return st.dictionaries(st.from_regex(pattern, fullmatch=True, alphabet=_ASCII), inner, max_size=3)
    fields = {name: _values(one, named) for name, one in schema["properties"].items()}
    required = {name: fields.pop(name) for name in schema.get("required", ())}
    some = st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True) if fields else st.just([])
    return some.flatmap(lambda names: st.fixed_dictionaries(required | {name: fields[name] for name in names}))
