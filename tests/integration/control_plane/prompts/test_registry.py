"""MLflow keeps the prompts: what is written comes back, and what is not there is named with what is."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from control_plane.prompts.connection import Connection
from control_plane.prompts.registry import PromptRegistry
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.prompts import Template

HELLO = Template(template="Hello {{name}}")
CHAT = Template.model_validate(
    {
        "chat": [{"role": "system", "content": "你好 {{name}}"}, {"role": "user", "content": "{{input}}"}],
        "responseFormat": {"type": "object", "properties": {"a": {"type": "string"}}},
    }
)


def test_what_is_written_comes_back_with_its_provenance(registry: PromptRegistry) -> None:
    for version, template in enumerate((HELLO, CHAT), start=1):
        written = registry.write("support", template, "shorter", "alice", "abc123")
        assert (written.created, written.version.version) == (True, version)
        found = registry.version("support", version)
        assert found.said() == template.said()
        assert (found.message, found.author, found.commit) == ("shorter", "alice", "abc123")


def test_what_the_newest_says_already_is_not_written_again(registry: PromptRegistry) -> None:
    registry.write("support", CHAT, "", "alice")
    again = registry.write("support", CHAT, "other words", "bob")
    assert (again.created, again.version.version, again.version.author) == (False, 1, "alice")
    registry.write("support", HELLO, "", "bob")
    assert registry.write("support", CHAT, "", "bob").version.version == 3


def test_an_alias_leads_to_a_version_and_can_be_moved(registry: PromptRegistry) -> None:
    registry.write("support", HELLO, "", "alice")
    registry.write("support", CHAT, "", "alice")
    for version in (2, 1):
        registry.move("support", "production", version)
        found = registry.version("support", "production")
        assert (found.version, found.aliases) == (version, ("production",))
    assert registry.known()["support"].model_dump(by_alias=False) == {
        "name": "support",
        "newest": 2,
        "aliases": {"production": 1},
    }
    assert [(one.version, one.aliases) for one in registry.versions("support")] == [(2, ()), (1, ("production",))]


@pytest.mark.parametrize(
    ("name", "which", "param", "words"),
    [
        ("suport", 1, "name", "Did you mean 'support'?"),
        ("support", 7, "version", "Its newest is version 1."),
        ("support", "prodution", "alias", "Did you mean 'production'?"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(
    registry: PromptRegistry, name: str, which: int | str, param: str, words: str
) -> None:
    registry.write("support", HELLO, "", "alice")
    registry.move("support", "production", 1)
    with pytest.raises(TiermeshError) as caught:
        registry.version(name, which)
    assert (caught.value.code, caught.value.param) == (Code.NOT_FOUND, param)
    assert words in caught.value.hint
    if param != "alias":
        with pytest.raises(TiermeshError):
            registry.move(name, "production", int(which))


def test_what_others_wrote_and_cannot_be_used_is_named_and_hides_nothing(registry: PromptRegistry) -> None:
    registry.write("support", HELLO, "", "alice")
    registry._connection.ask(lambda client: client.create_prompt_version("support", "{% if a %}{{b"))
    with pytest.raises(TiermeshError, match="Version 2 of prompt 'support' cannot be used") as caught:
        registry.version("support", 2)
    assert caught.value.code is Code.INVALID_DOCUMENT
    assert [bool(one.problem) for one in registry.versions("support")] == [True, False]
    assert registry.write("support", HELLO, "", "alice").version.version == 3


def test_a_name_that_a_model_has_is_refused_in_mlflows_words(registry: PromptRegistry) -> None:
    registry._connection.ask(lambda client: client.create_registered_model("support"))
    with pytest.raises(TiermeshError, match="MLflow refuses: .*already taken") as caught:
        registry.write("support", HELLO, "", "alice")
    assert caught.value.code is Code.CONFLICT
    with pytest.raises(TiermeshError, match="There is no prompt 'support'"):
        registry.versions("support")


def test_several_threads_write_at_once_and_nothing_is_lost(registry: PromptRegistry) -> None:
    registry.write("support", HELLO, "", "alice")

    def write(number: int) -> int:
        return registry.write("support", Template(template=f"text {number}"), "", "alice").version.version

    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(write, range(8)))
    assert sorted(versions) == list(range(2, 10))


def test_mlflow_is_away_is_said_with_the_cure_and_no_password(registry: PromptRegistry) -> None:
    away = PromptRegistry(Connection("http://user:secret@127.0.0.1:1/x", 1))
    for _ in range(2):  # the second one is not even tried
        with pytest.raises(TiermeshError) as caught:
            away.version("support", 1)
        assert caught.value.code is Code.UNAVAILABLE
        assert "http://127.0.0.1:1/x" in caught.value.message and "secret" not in str(caught.value)
        assert "TIERMESH_CONTROL_PLANE_MLFLOW_URL" in caught.value.hint


def test_one_that_hangs_holds_only_a_few_threads(registry: PromptRegistry) -> None:
    connection, hang = registry._connection, threading.Event()
    with ThreadPoolExecutor(4) as pool:
        hanging = [pool.submit(connection.ask, lambda _: hang.wait(30)) for _ in range(4)]
        with pytest.raises(TiermeshError, match="4 others wait for it"):
            registry.known()
        hang.set()
        assert all(one.result() for one in hanging)
    assert registry.known() == {}


def test_nothing_is_sent_or_left_behind_by_mlflow(registry: PromptRegistry) -> None:
    registry.write("support", HELLO, "", "alice")
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("link_")] == []
