"""What the operator has Ray Serve start: read, built, and started as a pod would."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from pydantic import ValidationError

from operators.render import Rendered, Site, render_model
from tests.integration.processes import running
from tests.stack import free_ports
from tests.unit.model_repo.samples import SHOP, chat
from tests.unit.operators.render.samples import BARE, FAQ, as_runtime, everything, model, the
from tests.weights import lend_known

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
HAPROXY = ("RAY_SERVE_HAPROXY_METRICS_PORT", "RAY_SERVE_HAPROXY_STATS_PORT", "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT")
"""Ports that a pod has for itself, and a machine with tests does not."""


def configurations(rendered: Rendered) -> list[str]:
    found = [one["spec"]["serveConfigV2"] for one in rendered.objects if one["kind"] == "RayService"]
    return found + [one["data"]["serve.yaml"] for one in rendered.objects if one["kind"] == "ConfigMap"]


@pytest.mark.filterwarnings("ignore:Using extra keyword arguments:DeprecationWarning")  # Ray's own
def test_every_configuration_names_a_builder_its_arguments_and_the_deployment_that_it_builds() -> None:
    from ray.serve.schema import ServeDeploySchema  # deferred: takes seconds

    from model_repo.building import Built, build

    written = {found for rendered in everything().values() for found in configurations(rendered)}
    assert written
    for text in written:
        for application in ServeDeploySchema.model_validate(yaml.safe_load(text)).applications:
            module, _, name = application.import_path.partition(":")
            assert getattr(import_module(module), name) is build
            built = build(Built.model_validate(application.args))
            assert [one.name for one in application.deployments] == [built._bound_deployment.name]
    with pytest.raises(ValidationError, match="unknown field 'documents'; did you mean 'document'"):
        Built.model_validate({"documents": {}})


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a path that leaves room for those of Ray's sockets."""
    folder = Path(tempfile.mkdtemp(prefix="tm", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def container(rendered: Rendered) -> dict[str, Any]:
    (found,) = the("Deployment", rendered)["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_the_command_of_a_rendered_pod_serves_the_model(short: Path, converted: Path) -> None:
    lend_known(converted, short)
    rendered = render_model(model(as_runtime(FAQ, "deployment")), None, BARE, Site(files=str(SHOP)))
    *command, file = container(rendered)["command"]
    port, *others = free_ports(1 + len(HAPROXY))
    config = yaml.safe_load(the("ConfigMap", rendered)["data"][Path(file).name])
    config["http_options"]["port"] = port
    (short / "serve.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    given = {one["name"]: one["value"] for one in container(rendered)["env"]}
    home = {"HOME": str(short), "TIERMESH_HOME": str(short), "RAY_TMPDIR": str(short)}
    environment = {**os.environ, **given, **home, **dict(zip(HAPROXY, map(str, others), strict=True))}
    ready = f"http://127.0.0.1:{port}{container(rendered)['readinessProbe']['httpGet']['path']}"
    program = Path(sys.executable).parent / command[0]
    with running([str(program), *command[1:], str(short / "serve.yaml")], environment, short, ready, 180):
        answer = httpx2.post(
            ready.replace("/models", "/chat/completions"), json=chat("Where is my parcel?"), timeout=60
        )
        assert answer.status_code == 200
        assert answer.headers["x-tiermesh-confidence"]
