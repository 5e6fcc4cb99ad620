"""Names of rendered objects."""

import re
from itertools import combinations

import hypothesis
from hypothesis import strategies as st

from operators.render.names import LONGEST, object_name

NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?", fullmatch=True)
LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def test_a_plain_name_stays_readable() -> None:
    assert object_name("model", "faq") == "model-faq"
    assert object_name("model", "4o-mini") == "model-4o-mini"


@hypothesis.given(NAMES)
def test_every_name_becomes_a_short_label(name: str) -> None:
    made = object_name("model", name)
    assert LABEL.fullmatch(made)
    assert len(made) <= LONGEST
    assert made == object_name("model", name)


@hypothesis.given(st.lists(NAMES, min_size=2, unique=True))
def test_two_names_never_become_one(names: list[str]) -> None:
    made = [object_name("model", name) for name in names]
    assert len(set(made)) == len(names)


def test_names_that_only_punctuation_or_length_tells_apart_stay_apart() -> None:
    alike = ["v.1", "v-1", f"{'a' * 62}b", f"{'a' * 62}c"]
    # Somebody may also write the name that another one becomes.
    alike += [object_name("model", name).removeprefix("model-") for name in alike]
    for one, other in combinations(dict.fromkeys(alike), 2):
        assert object_name("model", one) != object_name("model", other)
