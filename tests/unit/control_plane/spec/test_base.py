"""What every part of a document has in common."""

import pytest
from pydantic import ValidationError

from control_plane.spec.base import Spec, nearest


class _Part(Spec):
    some_field: float = 1


def test_the_wire_is_camel_case_in_both_directions() -> None:
    part = _Part.model_validate({"someField": 2})
    assert part.some_field == 2
    assert part.model_dump() == {"someField": 2}


def test_a_part_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        _Part().some_field = 3  # type: ignore[misc]  # what is tested


def test_a_number_that_json_cannot_write_is_refused() -> None:
    with pytest.raises(ValidationError, match="finite"):
        _Part.model_validate({"someField": float("nan")})


@pytest.mark.parametrize(("word", "known"), [("modle", "model"), ("MODEL", "model"), ("zebra", None), ("", None)])
def test_the_nearest_word_is_found_or_none(word: str, known: str | None) -> None:
    assert nearest(word, ["model", "route"]) == known
