from control_plane.spec.people import Binding, Principal, Role


def _principal(*bindings: Binding) -> Principal:
    return Principal(name="ana", bindings=bindings)


def test_a_role_may_do_what_lesser_roles_may() -> None:
    operator = _principal(Binding(role=Role.OPERATOR))
    assert [operator.may(role, "shop") for role in Role] == [True, True, True, False]


def test_a_role_holds_in_its_own_namespace_alone() -> None:
    both = _principal(Binding(role=Role.VIEWER), Binding(role=Role.OPERATOR, namespace="shop"))
    assert both.may(Role.OPERATOR, "shop") and not both.may(Role.OPERATOR, "search")
    assert both.may(Role.VIEWER, "search")


def test_who_has_no_role_may_do_nothing() -> None:
    assert not any(_principal().may(role, "shop") for role in Role)
