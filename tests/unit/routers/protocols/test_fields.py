"""Fields: what is read of JSON is of its type, or the error names the place."""

from collections.abc import Callable
from typing import Any

import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols.fields import Field, becomes, checked, left_out, refused, translate

BODY = Field({"a": {"b": [{"c": "x"}]}, "empty": None})


def test_a_value_knows_its_path() -> None:
    (item,) = BODY.need("a").need("b").items()
    assert item.need("c") == Field("x", "a.b[0].c")


@pytest.mark.parametrize("name", ["empty", "other"])
def test_null_is_as_good_as_missing(name: str) -> None:
    assert BODY.at(name) is None
    with pytest.raises(TiermeshError, match=f"{name} is missing") as caught:
        BODY.need(name)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, name)


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (Field.text, "x"),
        (Field.name, "x"),
        (Field.texts, ["x", ""]),
        (Field.number, 1),
        (Field.number, 0.5),
        (Field.count, 1),
        (Field.flag, False),
        (Field.members, {}),
        (lambda field: field.one_of("x", "y"), "y"),
    ],
)
def test_a_value_of_its_type_is_given_as_it_is(read: Callable[[Field], Any], value: Any) -> None:
    assert read(Field(value, "a")) == value


@pytest.mark.parametrize(
    ("read", "values"),
    [
        (Field.text, [7, None, ["x"], {}, True]),
        (Field.name, ["", 7, None]),
        (Field.texts, ["x", {}, None]),
        (Field.number, ["1", True, None, []]),
        (Field.count, [0, -1, 1.0, True, "1", None]),
        (Field.flag, [0, 1, "true", None]),
        (Field.members, [[], "x", None]),
        (Field.items, [{}, "x", None]),
        (lambda field: field.one_of("x", "y"), ["z", 7, None, ["x"], {}]),
    ],
)
def test_a_value_of_another_type_is_an_error_with_its_path(read: Callable[[Field], Any], values: list[Any]) -> None:
    for value in values:
        with pytest.raises(TiermeshError, match=r"^a\[0\]\.b must ") as caught:
            read(Field(value, "a[0].b"))
        assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, "a[0].b")


def test_a_wrong_item_is_named_by_its_place() -> None:
    with pytest.raises(TiermeshError, match=r"^a\[1\] must be a string"):
        Field(["x", 7], "a").texts()


READINGS = {
    "old": becomes("new", Field.text),
    "hint": left_out,
    "flag": checked(Field.flag),
    "kept": refused("Send it again.", False, "no"),
}


def test_a_body_is_translated_field_by_field() -> None:
    assert translate(Field({"old": "x", "hint": 7, "flag": True, "kept": "no"}), READINGS) == {"new": "x"}
    assert translate(Field({"old": None, "other": None, "kept": None}), READINGS) == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"old": 7}, "old must be a string"),
        ({"flag": 7}, "flag must be true or false"),
        ({"kept": True}, "kept is not supported here. Send it again."),
        ({"kept": ["no"]}, "kept is not supported here"),
        ({"x" * 200: 1}, f"^{'x' * 100} is not supported here. Leave it out"),
    ],
)
def test_what_cannot_be_translated_is_refused_by_name(body: dict[str, Any], said: str) -> None:
    with pytest.raises(TiermeshError, match=said) as caught:
        translate(Field(body), READINGS)
    assert caught.value.code is Code.INVALID_REQUEST
