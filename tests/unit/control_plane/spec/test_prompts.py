"""The language of prompts: what parses, what is refused and where, and what a Route's prompt compiles to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from control_plane.spec.compile import compile
from control_plane.spec.documents import parse
from control_plane.spec.errors import TiermeshError
from control_plane.spec.memory import Memory
from control_plane.spec.prompts import Pattern, PinnedPrompt, Pins, Template, openai_format, variables
from control_plane.spec.snapshots import CompiledRoute, Content
from tests.unit.control_plane.samples import generating, model, parsed, prompt, route

NESTED: dict[str, Any] = {"type": "object"}
for _ in range(60):
    NESTED = {"type": "object", "properties": {"a": NESTED}}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("no variable", ()),
        ("{{a}} and {{ b.c }}, {{a}}", ("a", "b.c")),
        ('{"a": {"b": {{value}}}}', ("value",)),
        ("{{{a}}}", ("a",)),
        ("{ {not} }", ()),
        ("{%", ()),
    ],
)
def test_variables_stand_in_double_braces_and_other_braces_are_text(text: str, names: tuple[str, ...]) -> None:
    assert Pattern.parse(text).variables == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{a b}}", "line 1, column 1: {{ begins no variable"),
        ("one\ntwo {{", "line 2, column 5: {{ begins no variable"),
        ("{{1}}", "begins no variable"),
        ("{{}}", "begins no variable"),
        ("{a}}", "line 1, column 3: }} closes no variable"),
        ("a }}", "closes no variable"),
        ("{% if a %}b{% endif %}", "Jinja2"),
    ],
)
def test_what_does_not_balance_is_named_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        Pattern.parse(text)
    assert words in str(caught.value)


@given(st.text(alphabet="{}% a\n", max_size=60))
def test_a_text_that_parses_without_variables_is_itself(text: str) -> None:
    try:
        pattern = Pattern.parse(text)
    except ValueError:
        return
    again = pattern.fill({name: f"{{{{{name}}}}}" for name in pattern.variables})
    assert "".join(again.split()) == "".join(text.split())


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.text(), min_size=2))
def test_values_are_put_in_once_and_never_read(values: dict[str, str]) -> None:
    pattern = Pattern.parse("<{{a}}|{{b}}|{{ a }}>")
    assert pattern.fill(values) == f"<{values['a']}|{values['b']}|{values['a']}>"
    assert pattern.size(values) == len(pattern.fill(values))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "exactly one of template"),
        ({"template": "a", "chat": [{"role": "user", "content": "a"}]}, "exactly one of template"),
        ({"template": "{{a"}, "template: line 1, column 1"),
        ({"chat": [{"role": "user", "content": "{{a"}]}, "chat[0].content: line 1"),
        ({"chat": [{"role": "tool", "content": "a"}]}, "'system', 'user' or 'assistant'"),
        ({"chat": [{"role": "system", "content": "{{input}}"}]}, "into a message of role user"),
        ({"template": "{{input}} {{input}}"}, "{{input}} stands 2 times"),
        ({"template": "x" * 100_001}, "100000 fit"),
        ({"chat": [{"role": "user", "content": "好" * 17_000}]}, "as MLflow stores it"),
        ({"template": "a", "responseFormat": {}}, "is neither a JSON schema"),
        ({"template": "a", "responseFormat": {"type": "objekt"}}, "type must be one of"),
        ({"template": "a", "responseFormat": {"type": "json_schema"}}, "json_schema must be an object"),
        ({"template": "a", "responseFormat": {"type": "object", "a": float("nan")}}, "cannot be written as JSON"),
        ({"template": "a", "responseFormat": {"type": "object", "a": [{"b": "\ud800"}]}}, "cannot be written as JSON"),
        ({"template": "a", "responseFormat": {"type": "object", "a": "x" * 50_000}}, "50000 fit"),
        ({"template": "a", "responseFormat": NESTED}, "nests deeper than 50"),
    ],
)
def test_a_prompt_that_could_not_be_used_is_refused(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        parse(prompt(**spec))
    assert words in str(caught.value)


def test_a_text_that_asks_is_the_users_and_any_other_the_systems() -> None:
    assert [Template(template=text).messages[0].role for text in ("{{input}}", "a {{b}}")] == ["user", "system"]


def test_the_variables_of_a_chat_are_those_of_its_messages_in_order() -> None:
    chat = [{"role": "system", "content": "{{b}}"}, {"role": "user", "content": "{{a}} {{b}} {{input}}"}]
    assert variables(Template.model_validate({"chat": chat})) == ("b", "a", "input")


def test_a_schema_becomes_a_response_format_with_a_name_that_openai_takes() -> None:
    schema = {"type": "object"}
    assert openai_format("a.b c", schema)["json_schema"] == {"name": "a_b_c", "schema": schema}
    assert openai_format("a", {"type": "json_object"}) == {"type": "json_object"}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "exactly one of alias and version"),
        ({"alias": "a", "version": 1}, "exactly one of alias and version"),
        ({"alias": "latest"}, "'latest' is reserved"),
        ({"alias": "v2"}, "'v2' is reserved"),
        ({"version": 1, "variables": {"input": "x"}}, "has no default"),
        ({"version": 1, "variables": {"a b": "x"}}, "should match pattern"),
    ],
)
def test_a_route_names_one_version(said: dict[str, Any], words: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        parse(route(prompt={"name": "support", **said}))
    assert words in str(caught.value)


def _pins(version: int = 3, text: str = "Speak {{language}}.") -> Pins:
    pinned = PinnedPrompt(name="support", version=version, template=text)
    return Pins({"support@production": pinned, "support@canary": pinned, "support/3": pinned})


def _content(pins: Pins, **said: Any) -> Content:
    said = {"name": "support", "alias": "production", **said}
    return compile(parsed(model(), generating(), route(prompt=said)), pins=pins)


def _route(pins: Pins, **said: Any) -> CompiledRoute:
    (compiled,) = _content(pins, **said).routes
    return compiled


def test_a_route_has_its_prompts_text_so_that_no_router_asks_for_it() -> None:
    compiled = _route(_pins(), variables={"language": "German"}).prompt
    assert compiled is not None
    assert (compiled.name, compiled.version, compiled.alias, compiled.template, compiled.variables) == (
        "support", 3, "production", "Speak {{language}}.", {"language": "German"},
    )  # fmt: skip


def test_the_revision_changes_with_the_version_the_text_and_the_variables_and_with_nothing_else() -> None:
    first = _route(_pins()).revision
    assert _route(_pins(version=4)).revision != first
    assert _route(_pins(text="Talk {{language}}.")).revision != first
    assert _route(_pins(), variables={"language": "German"}).revision != first
    assert _route(_pins(), alias="canary").revision == first


def test_what_is_not_pinned_does_not_compile() -> None:
    with pytest.raises(TiermeshError) as caught:
        _route(Pins({}))
    assert [wrong.field for wrong in caught.value.errors] == ["Route/shop.spec.prompt"]


def test_a_value_for_a_variable_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(TiermeshError) as caught:
        _route(_pins(), variables={"langauge": "German"})
    (wrong,) = caught.value.errors
    assert wrong.field == "Route/shop.spec.prompt.variables.langauge"
    assert "did you mean 'language'?" in wrong.message


def test_a_template_is_immutable() -> None:
    with pytest.raises(ValidationError):
        Template(template="a").template = "b"  # type: ignore[misc]


def test_a_prompt_that_moves_is_compiled_anew_whatever_is_remembered() -> None:
    memory, documents = (
        Memory(),
        parsed(model(), generating(), route(prompt={"name": "support", "alias": "production"})),
    )
    for pins in (_pins(), _pins(version=4), _pins()):
        found = compile(documents, pins=pins, memory=memory)
        memory.keep()
        assert found == compile(documents, pins=pins)


def test_prompts_are_written_in_the_default_namespace_alone() -> None:
    elsewhere = prompt(template="Help.")
    elsewhere["metadata"]["namespace"] = "team"
    with pytest.raises(TiermeshError) as caught:
        compile(parsed(elsewhere))
    (wrong,) = caught.value.errors
    assert wrong.field == "Prompt/team/support.metadata.namespace" and "'default'" in wrong.message
