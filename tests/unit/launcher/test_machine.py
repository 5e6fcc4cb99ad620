"""The facts are those of this very machine."""

import os
import platform
import socket

from launcher.machine import look


def test_a_port_somebody_listens_on_is_busy_and_names_the_listener() -> None:
    with socket.socket() as listener, socket.socket() as other:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        other.bind(("127.0.0.1", 0))
        port, bound = listener.getsockname()[1], other.getsockname()[1]
        busy = look([port]).busy
        assert f"(process {os.getpid()})" in busy[port]
    assert look([port, bound]).busy == {}


def test_a_listener_on_all_addresses_makes_the_port_busy_too() -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen(1)
        port = listener.getsockname()[1]
        assert port in look([port]).busy


def test_the_facts_name_this_python_and_what_the_distribution_requires() -> None:
    facts = look([])
    assert facts.python == platform.python_version()
    assert any(requirement.startswith("pydantic") for requirement in facts.requirements)
    assert "pydantic" in facts.installed
    assert facts.available_gib > 0
