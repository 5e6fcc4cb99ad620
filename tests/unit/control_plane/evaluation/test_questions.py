import hashlib
import json

import pytest

from control_plane.evaluation.questions import read
from control_plane.spec.errors import TiermeshError
from tests.unit.control_plane.evaluation.samples import FILE

LINE = '{"id": "%s", "ask": "a", "expect": {"exact": "b"}}\n'


def test_a_yaml_list_and_json_lines_are_read_alike() -> None:
    from_yaml = read(FILE.encode(), "q.yaml")
    lines = "".join(item.model_dump_json(exclude_unset=True) + "\n" for item in from_yaml.items)
    assert read(lines.encode(), "q.jsonl").items == from_yaml.items
    assert [item.id for item in from_yaml.items] == ["capital", "sum"]
    assert from_yaml.sha256 == hashlib.sha256(FILE.encode()).hexdigest()
    assert from_yaml.items[0].chat == [{"role": "user", "content": "What is the capital of France?"}]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("- id: a\n  ask: b\n", "question 1: expect"),
        ("- {id: a, ask: b, expect: {exact: c, regex: d}}", "exactly one of exact"),
        ("- {id: a, expect: {exact: c}}", "exactly one of ask"),
        ("- {id: a, ask: b, expect: {regex: '('}}", "no regular expression"),
        ("- {id: a, ask: b, expect: {similarity: {to: [c], atLeast: 2, by: e}}}", "similarity.atLeast"),
        ("- {id: a, ask: b, expect: {exact: c}, answer: d}", "unknown field 'answer'"),
        ("- &a {id: a, ask: b, expect: {exact: c}}\n- *a", "aliases"),
        ("- !!python/object/apply:os.system [ls]", "not YAML"),
        ("[" * 100_000, "not YAML"),
        ("a: b", "no list"),
        ("[]", "holds 0 questions"),
        ("- [", "not YAML"),
        ("x" * 600_000, "JSON lines"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_place(content: str, why: str) -> None:
    with pytest.raises(TiermeshError, match=why):
        read(content.encode(), "q.yaml")


def test_json_lines_are_refused_by_their_line() -> None:
    with pytest.raises(TiermeshError, match="line 3: expect"):
        read((LINE % "a" + "\n" + '{"id": "b", "ask": "c"}').encode(), "q.jsonl")
    with pytest.raises(TiermeshError, match="two questions have the id 'a'"):
        read((LINE % "a" * 2).encode(), "q.jsonl")
    with pytest.raises(TiermeshError, match="line 1"):
        read(b'\xff{"a": 1}', "q.jsonl")
    deep = json.dumps({"id": "a", "ask": "b", "expect": None}).replace("null", "[" * 100_000)
    with pytest.raises(TiermeshError, match="line 1"):
        read(deep.encode(), "q.jsonl")
