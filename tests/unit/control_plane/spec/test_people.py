import pytest

from control_plane.spec.people import Binding, Principal, Role, TokenMade


def _principal(*bindings: Binding) -> Principal:
    return Principal(name="ana", bindings=bindings)


def test_a_role_may_do_what_lesser_roles_may() -> None:
    operator = _principal(Binding(role=Role.OPERATOR))
    assert [operator.may(role, "shop") for role in Role] == [True, True, True, False]


def test_a_role_holds_in_its_own_namespace_alone() -> None:
    both = _principal(Binding(role=Role.VIEWER), Binding(role=Role.OPERATOR, namespace="shop"))
    assert both.may(Role.OPERATOR, "shop") and not both.may(Role.OPERATOR, "search")
    assert both.may(Role.VIEWER, "search")


def test_a_binding_is_read_as_it_is_written() -> None:
    for text in ("viewer@*", "operator@shop", "admin@a.b-c"):
        assert str(Binding.read(f" {text} ")) == text


@pytest.mark.parametrize(
    "text", ["", "viewer", "viewer@", "@shop", "king@shop", "viewer@Shop", "viewer@a@b", "viewer@**"]
)
def test_what_is_no_binding_says_why(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"is no role; there are viewer|names no namespace; write it as viewer@default"
    ):
        Binding.read(text)


def test_a_secret_is_not_in_what_a_log_would_show_of_a_token() -> None:
    made = TokenMade.model_validate(
        {"name": "ci", "person": "ci", "createdAt": "2026-01-02T00:00:00Z", "createdBy": "ana", "secret": "tmt-hidden"}
    )
    assert "tmt-hidden" not in repr(made)


def test_who_has_no_role_may_do_nothing() -> None:
    assert not any(_principal().may(role, "shop") for role in Role)
