"""YAML as people write it, read for a page that shows both."""

import httpx2
import pytest


def _read(api: httpx2.Client, text: str) -> httpx2.Response:
    return api.post("/v1/documents/read", json={"text": text})


def test_a_text_is_read_as_it_stands_and_not_checked(quiet_api: httpx2.Client) -> None:
    answer = _read(quiet_api, "kind: Experiment\nspec: {arms: [{name: a, weight: 0.5}]}\n---\n- 1\n- two\n")
    assert answer.json() == {
        "items": [{"kind": "Experiment", "spec": {"arms": [{"name": "a", "weight": 0.5}]}}, 1, "two"]
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "line 1, column 5"),
        ("a: 1\na: 2", "stands here a second time"),
        ("a: &a [x]\nb: *a", "aliases are not read here"),
        ("a: 2026-01-31", "such as a date"),
        ("a: .nan", "such as a date"),
        ("a: !!binary aGk=", "such as a date"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("[" * 100, "deeper than 10 levels"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place_or_cure(quiet_api: httpx2.Client, text: str, said: str) -> None:
    answer = _read(quiet_api, text)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_document")
    assert said in answer.text


def test_few_aliases_cannot_stand_for_gigabytes(quiet_api: httpx2.Client) -> None:
    levels = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 30)]
    assert _read(quiet_api, "\n".join(["a0: &a0 x", *levels])).status_code == 422


def test_a_text_that_would_take_seconds_is_refused_unread(quiet_api: httpx2.Client) -> None:
    assert _read(quiet_api, "- x\n" * 30_000).json()["errors"][0]["field"] == "text"


def test_half_of_a_character_is_left_for_the_check_to_name(quiet_api: httpx2.Client) -> None:
    assert _read(quiet_api, r'a: "\ud800"').json() == {"items": [{"a": "\ud800"}]}
