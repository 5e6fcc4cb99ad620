"""The README's snippets run as they stand, but for the ports."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.stack import Stack

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
HEADERS = ("request-id", "route", "revision", "snapshot", "arm", "tier", "score", "model", "cache", "reasons")


def snippets(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def run(command: list[str], snippet: str, stack: Stack) -> str:
    """Run a snippet against the stack. Returns what it printed."""
    text = snippet.replace("http://127.0.0.1:8080/v1", stack.router)
    text = text.replace("tiermesh route explain", f"tiermesh route explain --router {stack.router_admin}")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [*command, text], env={**stack.environment, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def bash(snippet: str, stack: Stack) -> str:
    return run(["bash", "-euo", "pipefail", "-c"], snippet, stack)


def test_the_readme_has_the_snippets_that_are_run_here() -> None:
    assert len(snippets("bash")) == 2
    assert len(snippets("python")) == 1


def test_the_curl_is_answered_with_all_the_headers_that_the_readme_explains(stack: Stack) -> None:
    answer = bash(snippets("bash")[0], stack)
    assert answer.startswith("HTTP/1.1 200 OK")
    for header in HEADERS:
        assert f"-{header}" in README or f"x-{header}" in README
        assert re.search(rf"^x-(tiermesh-)?{header}: \S", answer, flags=re.MULTILINE), header
    assert "x-tiermesh-tier: light" in answer


def test_the_openai_package_needs_another_base_url_and_nothing_else(stack: Stack) -> None:
    (snippet,) = snippets("python")
    assert "元" in run([sys.executable, "-c"], snippet, stack)


def said(stack: Stack) -> dict[str, Any]:
    """What the shop's Route says, whichever version it is."""
    document: dict[str, Any] = json.loads(stack.tiermesh("get", "route", "shop", "-o", "json").stdout)
    del document["metadata"]["resourceVersion"]
    return document


def test_a_route_is_changed_explained_and_rolled_back(stack: Stack) -> None:
    before = said(stack)
    printed = bash(snippets("bash")[1], stack)
    assert re.search(r"^tier +heavy", printed, flags=re.MULTILINE)
    assert "more to the heavy tier" in printed
    assert said(stack) == before


def test_every_path_the_readme_names_exists() -> None:
    root = Path(__file__).parents[2]
    named = re.findall(r"\| `([a-z_]+/)` \|", README) + re.findall(r"\(((?:docs|examples)/[^)]+)\)", README)
    assert len(named) > 8
    for path in named:
        assert (root / path).exists(), path
