"""How schemathesis gets behind the door: short waits, its own name as author, and a token that it keeps."""

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis.configuration import set_hypothesis_home_dir
from schemathesis import Case, HookContext

from control_plane.api.snapshots import LONGEST_WAIT_SECONDS

TOKEN = "schemathesis"
"""The token's name, and whom it stands for."""
_SECONDS = 0.1

set_hypothesis_home_dir(Path(__file__).parents[3] / ".hypothesis")  # for its tables of characters, which take seconds


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Waits that are allowed become short ones, and authors who the token is not become who it is.

    What is not allowed is sent as it is.
    """
    for part in (case.query, case.body):
        if isinstance(part, dict):
            _mend(part)


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    """The token is not taken back."""
    return (case.method, (case.path_parameters or {}).get("name")) != ("DELETE", TOKEN)


def _mend(part: dict[str, Any]) -> None:
    author = part.get("author")
    if isinstance(author, str) and 1 <= len(author) <= 200:
        part["author"] = TOKEN
    if _SECONDS < _number(part.get("wait")) <= LONGEST_WAIT_SECONDS:
        part["wait"] = str(_SECONDS)


def _number(said: Any) -> float:
    try:
        return float(said)
    except (TypeError, ValueError):
        return 0
