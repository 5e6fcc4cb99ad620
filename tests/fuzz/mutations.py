"""Mutations: what valid input becomes in the hands of somebody who means ill."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st


@dataclass(frozen=True)
class Raw:
    """A piece of JSON as it is to be written, valid or not."""

    text: bytes


LITERALS = [
    Raw(text)
    for text in (
        *(b"NaN", b"-Infinity", b"1e400", b"-0", b"1e-400", b"9" * 400, b"18446744073709551616", b"0x1", b"01", b"+1"),
        *(b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xed\xa0\x80"', b'"\xff"', b'"\\u0000"', b'"a\nb"', b'"\\x41"', b'"'),
        *(b'"\\r\\nx-evil: 1"', b'"' + b"x" * 5000 + b'"', b"nul", b"", b"{", b"]", b"/**/1", b"'a'"),
        *(b"[" * 150 + b"]" * 150, b"[" * 300 + b"]" * 300, b"[" * 2000, b'{"a":' * 230 + b"1" + b"}" * 230),
        *(b'{"a":1,"a":2}', b'{"model":"other","model":"shop"}', b"[" + b"0," * 500 + b"0]", b'{"":{"":{"":null}}}'),
    )
]
"""Where parsers disagree, overflow or recurse."""

VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 0.1, -1.5, 1e308, 5e-324),
    *(
        "",
        "a",
        " ",
        "\x00",
        "\r\nx-evil: 1\r\n\r\n",
        "é\u2028\U0001f600",
        "NaN",
        "1",
        "true",
        "shop",
        "x" * 300,
        "[DONE]",
    ),
    *(
        [],
        {},
        [None],
        [[]],
        [{}],
        {"": None},
        ["a", 1],
        {"type": "text", "text": "a"},
        {"type": "image_url"},
        {"a": [{}]},
    ),
    *LITERALS,
]
"""What may stand in a node's place."""

TOKENS = (b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\0", b"\r", b"\n", b"\r\n\r\n", b"\xff", b"\xed\xa0\x80",
          b'"model"', b"null", b"1e999", b"data: ", b"\n\n", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")  # fmt: skip
"""Bytes that mean something to some decoder."""


def dump(value: Any) -> bytes:
    """JSON with every `Raw` as it is."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Mapping):
        return b"{" + b",".join([_string(key) + b":" + dump(inner) for key, inner in value.items()]) + b"}"
    if isinstance(value, list | tuple):
        return b"[" + b",".join(map(dump, value)) + b"]"
    return _string(value)


def _string(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def scratch(whole: bytes, seed: int) -> bytes:
    """Bytes, some of them replaced, left out, said twice or cut off. Seed 0 leaves them as they are."""
    random = Random(seed)
    for _ in range(random.choice((0, 1, 1, 2, 5)) if seed else 0):
        start = random.randrange(len(whole) + 1)
        end = start + random.choice((0, 1, 1, 4, 20))
        put = random.choice((random.choice(TOKENS), random.randbytes(2), whole[start:end] * 2, b""))
        whole = whole[:start] + put + whole[end:]
        if random.randrange(12) == 0:
            whole = whole[: random.randrange(len(whole) + 1)]
    return whole


SEEDS = st.just(0) | st.integers(0, 2**32)
_STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 999), st.integers(0, 999)), max_size=3)


def trees(*samples: Any) -> st.SearchStrategy[Any]:
    """A sample in which up to three nodes are replaced, left out, doubled or buried, at any depth."""
    return st.builds(_changed, st.sampled_from(samples), _STEPS)


def bodies(*samples: Any) -> st.SearchStrategy[bytes]:
    """JSON of mutated samples, its bytes scratched too."""
    return st.builds(scratch, trees(*samples).map(dump), SEEDS)


def _changed(sample: Any, steps: list[tuple[int, int, int]]) -> Any:
    tree = copy.deepcopy(sample)
    for change, at, by in steps:
        if places := list(_places(tree)):
            _CHANGES[change](*places[at % len(places)], by)
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every node below the top, as what holds it and where."""
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, inner in list(inside):
        yield tree, key
        yield from _places(inner)


def _drop(holder: Any, key: Any, by: int) -> None:
    del holder[key]


def _replace(holder: Any, key: Any, by: int) -> None:
    holder[key] = copy.deepcopy(VALUES[by % len(VALUES)])


def _swap(holder: Any, key: Any, by: int) -> None:
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    other = keys[by % len(keys)]
    holder[key], holder[other] = holder[other], holder[key]


def _rename(holder: Any, key: Any, by: int) -> None:
    if isinstance(holder, dict):
        names = [*holder, "", "model", "type", "stream", "\x00", "é" * 300]
        holder[names[by % len(names)]] = holder.pop(key)


def _double(holder: Any, key: Any, by: int) -> None:
    """In a list the item comes several times; in an object the key stands twice."""
    if isinstance(holder, list):
        holder[key:key] = [holder[key]] * (1, 2, 70)[by % 3]
    elif isinstance(holder[key], dict) and holder[key]:
        name = next(iter(holder[key]))
        first = dump({name: VALUES[by % len(VALUES)]})[1:-1]
        holder[key] = Raw(b"{" + first + b"," + dump(holder[key])[1:])


def _bury(holder: Any, key: Any, by: int) -> None:
    levels = (1, 2, 20, 190, 220, 400)[by % 6]
    holder[key] = Raw(b"[" * levels + dump(holder[key]) + b"]" * levels)


_CHANGES = (_drop, _replace, _swap, _rename, _double, _bury)
