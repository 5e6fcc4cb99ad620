"""The last thing `tiermesh up` says is a command that works as it stands."""

import json
import shlex
from pathlib import Path

from launcher.greeting import greeting
from launcher.settings import UpSettings


def test_the_command_is_a_request_for_the_model_that_answers() -> None:
    text = greeting(UpSettings.load(router_port=1234), "shop")
    words = shlex.split(text.partition("Try:")[2])
    assert words[:3] == ["curl", "-i", "http://127.0.0.1:1234/v1/chat/completions"]
    assert json.loads(words[words.index("-d") + 1])["model"] == "shop"


def test_the_admins_token_is_pointed_to_and_never_shown(tmp_path: Path) -> None:
    settings = UpSettings.load(home=tmp_path)
    assert "admin's token" not in greeting(settings, None)
    (tmp_path / "admin-token").write_text("tmt-secret")
    assert f"{tmp_path / 'admin-token'} (keep it elsewhere" in greeting(settings, None)
    assert "tmt-" not in greeting(settings, None)


def test_without_a_route_it_says_how_to_bring_one() -> None:
    assert "tiermesh apply -f" in greeting(UpSettings.load(), None)
