"""The last thing `tiermesh up` says is a command that works as it stands."""

import json
import shlex

from launcher.greeting import greeting
from launcher.settings import UpSettings


def test_the_command_is_a_request_for_the_model_that_answers() -> None:
    text = greeting(UpSettings.load(router_port=1234), "shop")
    words = shlex.split(text.partition("Try:")[2])
    assert words[:3] == ["curl", "-i", "http://127.0.0.1:1234/v1/chat/completions"]
    assert json.loads(words[words.index("-d") + 1])["model"] == "shop"


def test_without_a_route_it_says_how_to_bring_one() -> None:
    assert "tiermesh apply -f" in greeting(UpSettings.load(), None)
