"""Who sits at this machine needs no token; who only seems to does."""

import pytest

from control_plane.auth.door import Knock, local
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.people import Role


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8090", "localhost:8090", "localhost", "LOCALHOST", "[::1]:8090", "127.9.9.9"]
)
def test_whoever_sits_here_may_do_everything(host: str) -> None:
    found = local(Knock("127.0.0.1", hosts=(host,)), is_open=True)
    assert found.may(Role.ADMIN, "*") and found.router
    assert (found.name, found.via) == ("anonymous", "loopback")


def test_a_page_of_our_own_sits_here_too() -> None:
    knock = Knock("::1", hosts=("localhost:8090",), origins=("http://localhost:8090",), fetch_site="same-origin")
    assert local(knock, is_open=True).name == "anonymous"


_HOSTS = ("localhost:8090",)


@pytest.mark.parametrize(
    ("knock", "why"),
    [
        (Knock("10.0.0.1", hosts=_HOSTS), "from another machine"),
        (Knock("", hosts=_HOSTS), "from another machine"),
        (Knock("127.0.0.1", hosts=_HOSTS, forwarded=True), "a proxy"),
        (Knock("127.0.0.1"), "by another name"),
        (Knock("127.0.0.1", hosts=("localhost", "localhost")), "by another name"),
        (Knock("127.0.0.1", hosts=("evil.example:8090",)), "by another name"),
        (Knock("127.0.0.1", hosts=("127.0.0.1.evil.example",)), "by another name"),
        (Knock("127.0.0.1", hosts=("localhost.evil.example",)), "by another name"),
        (Knock("127.0.0.1", hosts=("evil.example@localhost",)), "by another name"),
        (Knock("127.0.0.1", hosts=("localhost@evil.example",)), "by another name"),
        (Knock("127.0.0.1", hosts=("localhost/x",)), "by another name"),
        (Knock("127.0.0.1", hosts=("[::1",)), "by another name"),
        (Knock("127.0.0.1", hosts=("",)), "by another name"),
        (Knock("127.0.0.1", hosts=("0.0.0.0:8090",)), "by another name"),
        (Knock("127.0.0.1", hosts=_HOSTS, origins=("https://evil.example",)), "of another origin"),
        (Knock("127.0.0.1", hosts=_HOSTS, origins=("null",)), "of another origin"),
        (Knock("127.0.0.1", hosts=_HOSTS, origins=("http://localhost:3000",)), "of another origin"),
        (Knock("127.0.0.1", hosts=_HOSTS, origins=("http://localhost:8090", "https://evil.example")), "of another"),
        (Knock("127.0.0.1", hosts=_HOSTS, fetch_site="cross-site"), "of another site"),
        (Knock("127.0.0.1", hosts=_HOSTS, fetch_site="same-site"), "of another site"),
    ],
)
def test_whoever_only_seems_to_sit_here_needs_a_token(knock: Knock, why: str) -> None:
    with pytest.raises(TiermeshError, match=why) as raised:
        local(knock, is_open=True)
    assert raised.value.code is Code.UNAUTHENTICATED


def test_a_closed_door_lets_nobody_in_without_one_and_says_what_to_do() -> None:
    with pytest.raises(TiermeshError, match="nobody may ask") as raised:
        local(Knock("127.0.0.1", hosts=_HOSTS), is_open=False)
    assert "TIERMESH_TOKEN or --token-file" in raised.value.hint
