"""What processes tell each other by does not depend on the seed that each hashes by."""

import json
import os
import subprocess
import sys

import pytest

from control_plane.spec.compile import compile
from control_plane.spec.snapshots import digest
from routers.cache.exact import key
from tests.unit.control_plane.samples import parsed, shop
from tests.unit.routers.samples import call, chat
from tests.unit.routers.test_assignment import UNITS, arms, given_arms, trial


def said() -> dict[str, object]:
    """What this process makes of the same documents, request and units."""
    content = compile(parsed(*shop()))
    return {
        "hash": digest(content),
        "content": content.model_dump_json(),
        "key": key(call(chat(a={"b": 1, "a": 2})), "r1", "default").hex(),
        "arms": given_arms(trial(arms=arms(1, 2, 3), traffic={"percent": 50}), UNITS[:200]),
    }


@pytest.mark.parametrize("seed", ["0", "1"])
def test_every_process_makes_the_same_snapshot_and_cache_key_and_gives_the_same_arms(seed: str) -> None:
    program = f"import json; from {__name__} import said; print(json.dumps(said()))"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    assert json.loads(ran.stdout) == said()
