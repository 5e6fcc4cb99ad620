"""What the OpenAPI document promises is what happens: schemathesis asks every operation, with all its checks."""

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from control_plane.client.versions import VersionsClient
from control_plane.server import Addresses
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import TiermeshError
from control_plane.spec.versions import Registration
from tests.control_plane_server import running
from tests.integration.control_plane.openapi_hooks import TOKEN
from tests.registry import copied
from tests.registry import empty_registry as empty_registry
from tests.unit.control_plane.decisions import written
from tests.unit.control_plane.people import issue
from tests.unit.control_plane.samples import experiment, model, parsed, policy, prompt, rollout, route, tenant

HERE = Path(__file__).parent
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "5")
"""Requests of each operation that chance makes, beside those that cover what its description says."""
_COUNT = re.compile(r'tiermesh_control_plane_requests_total{method="(.+)",path="(.+)",status="(.)..\"} ')
_SCHEMAS = "#/components/schemas/"
_REFERENCE = re.compile(f'"{_SCHEMAS}(.+?)"')
_THING, _WEIGHTS = "thing", "weights"
"""The names of all that is there from the beginning. schemathesis.toml has them too."""


@pytest.fixture
def closed(tmp_path: Path, empty_registry: Path) -> Iterator[tuple[Addresses, str]]:
    """A control plane that lets nobody in without a token and holds something of each sort; and an admin's token."""
    home = tmp_path / "home"
    copied(empty_registry, home)
    settings = ControlPlaneSettings.load(home=home, port=0, admin_port=0, open_on_loopback=False)
    with running(settings) as addresses:
        with VersionsClient(addresses.api, token=SecretStr(issue(settings, "alice", "admin@*"))) as alice:
            _fill(alice)
        issue(settings, _THING, "viewer@default")
        yield addresses, issue(settings, TOKEN, "admin@*")


def _fill(client: VersionsClient) -> None:
    asking = route(_THING, tiers={"light": [_THING]})
    texts = tenant(_THING), prompt(_THING, template="Be kind.")
    client.apply(parsed(model(_THING), model(_WEIGHTS), asking, *texts), "alice")
    changing = rollout(_THING, route=_WEIGHTS, override={"complexity": {"threshold": 0}})
    trials = experiment(_THING, route=_THING, state="draft"), changing
    client.apply(parsed(policy(_THING, model=_THING)), "alice")
    client.apply(parsed(route(_WEIGHTS, tiers={"light": [_THING]}), *trials), "alice")
    client.register(_WEIGHTS, Registration(source="file:///weights", sha256="0" * 64), "alice")
    with pytest.raises(TiermeshError, match="request 1"):
        client.move_alias(_THING, "production", 1, "alice")
    with pytest.raises(TiermeshError, match="request 2"):
        client.promote(_WEIGHTS, 1, "production", "alice")
    client._call("POST", "/v1/decisions", json={"records": [written(_THING)]})


def _described(url: str, token: str) -> dict[str, Any]:
    """The document; schemathesis would ask for it without the token."""
    answer = httpx2.get(f"{url}/v1/openapi.json", headers={"authorization": f"Bearer {token}"}, trust_env=False)
    described: dict[str, Any] = answer.json()
    return described


def _once(described: dict[str, Any]) -> dict[str, Any]:
    """The same with what several requests hold described in one of them: in a Route what others say otherwise than it,
    in an Experiment what a Rollout says as well, and in a kind's own operations what a batch of documents may hold."""
    described = copy.deepcopy(described)
    schemas = described["components"]["schemas"]
    for name, elsewhere in (("Override", "RouteSpec"), ("RolloutSpec", "ExperimentSpec")):
        text = json.dumps(schemas[name])
        both = {*_REFERENCE.findall(text)} & {*_REFERENCE.findall(json.dumps(schemas[elsewhere]))}
        assert both, f"{name} holds nothing that {elsewhere} holds too"
        for one in both:
            text = text.replace(f'"$ref": "{_SCHEMAS}{one}"', f'"type": "{schemas[one]["type"]}"')
        schemas[name] = json.loads(text)
    documents = schemas["DocumentBatch"]["properties"]["documents"]
    documents["items"] = next(one for one in documents["items"]["oneOf"] if one["$ref"] == f"{_SCHEMAS}Tenant")
    return described


def test_the_api_does_what_its_description_says(closed: tuple[Addresses, str], tmp_path: Path) -> None:
    addresses, token = closed
    described = _described(addresses.api, token)
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(_once(described)))
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", str(document), "--url", addresses.api, "--max-examples", EXAMPLES, "--no-color"]
    # Of an address that needs no proxy, requests does not look through all variables for one at each request.
    environment = {**os.environ, "TIERMESH_TOKEN": token, "PYTHONPATH": str(HERE.parents[2]), "NO_PROXY": "127.0.0.1"}
    ran = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout.partition("FAILURES")[2] or ran.stdout + ran.stderr
    counts = _COUNT.findall(httpx2.get(f"{addresses.admin}/metrics", trust_env=False).text)
    assert "5" not in {status for *_, status in counts}
    promised = {(method.upper(), path) for path, found in described["paths"].items() for method in found}
    missed = promised - {(method, path) for method, path, status in counts if status == "2"}
    # What can be done only once may be spent on a request that is refused for another reason; the name of an artifact
    # is the hash of its text, which chance does not find; and an Experiment, a Rollout or a ScalingPolicy that chance
    # makes does not hold together or names what is not there.
    once = ("/v1/approvals/", "/v1/artifacts/", "/v1/rollouts/{name}/")
    unlikely = {("PUT", f"/v1/{plural}/{{name}}") for plural in ("experiments", "rollouts", "scalingpolicies")}
    assert {one for one in missed if one[0] != "DELETE" and not one[1].startswith(once)} <= unlikely
