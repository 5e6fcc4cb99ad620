"""Names: an identity is a kind, a namespace and a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.names import Key, key_of, path_segment, qualified

_NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,8}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize(("namespace", "found"), [("default", "shop"), ("team", "team/shop")])
def test_a_name_is_plain_in_the_default_namespace_alone(namespace: str, found: str) -> None:
    assert qualified(namespace, "shop") == found
    assert str(Key("Route", "shop", namespace)) == f"Route {found!r}"
    assert key_of("Route", found) == Key("Route", "shop", namespace)


@given(one=st.tuples(_NAMES, _NAMES), other=st.tuples(_NAMES, _NAMES))
def test_no_two_documents_share_a_name_or_a_segment_of_a_path(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (one == other) is (qualified(*one) == qualified(*other))
    assert (one == other) is (path_segment(qualified(*one)) == path_segment(qualified(*other)))
