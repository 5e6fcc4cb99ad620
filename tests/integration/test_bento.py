"""The light model as a Bento: built, served as a process, and asked through a router."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest
import yaml

from control_plane.spec.documents import Document
from tests.contract.router_process import RouterProcess
from tests.integration.processes import running
from tests.stack import free_ports
from tests.unit.routers.samples import model, route
from tests.weights import lend_known

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
BENTOFILE = "model_repo/bento/bentofile.yaml"
BENTOML = (sys.executable, "-m", "bentoml")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, converted: Path) -> dict[str, str]:
    """A store and a home of its own, and no word to anybody."""
    home = tmp_path_factory.mktemp("home")
    lend_known(converted, home)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TIERMESH_", "BENTOML_"))}
    store = {"BENTOML_HOME": str(tmp_path_factory.mktemp("bentoml")), "BENTOML_DO_NOT_TRACK": "True"}
    return inherited | store | {"TIERMESH_HOME": str(home)}


@pytest.fixture(scope="module")
def bento(environment: dict[str, str]) -> str:
    """The tag of the Bento that `bentoml build` makes of this checkout."""
    command = [*BENTOML, "build", "--bentofile", BENTOFILE, "--output", "tag", "."]
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    tag: str = built.stdout.strip().removeprefix("__tag__:")
    return tag


@pytest.fixture(scope="module")
def served(bento: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address. It runs from the store: nothing but what was packed is on its path."""
    folder = tmp_path_factory.mktemp("bento")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [*BENTOML, "serve", bento, "--host", "127.0.0.1", "--port", str(port)]
    with running(command, environment, folder, f"{url}/readyz", seconds=300):
        yield url


@pytest.fixture(scope="module")
def mesh(served: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    """A client of a router whose only Model is the Bento."""
    documents: list[Document] = [
        model("faq", url=f"{served}/v1", engine="bento"),
        route("shop", light=["faq"], heavy=[]),
    ]
    with (
        RouterProcess(tmp_path_factory.mktemp("router"), documents) as router,
        openai.OpenAI(base_url=router.base_url, api_key="-", max_retries=0, timeout=60) as client,
    ):
        yield client


def test_the_bento_holds_the_light_model_and_the_shop_and_little_else(bento: str, environment: dict[str, str]) -> None:
    folder = Path(environment["BENTOML_HOME"]) / "bentos" / bento.replace(":", "/") / "src"
    packed = {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}
    assert packed == {"bentofile.yaml", "control_plane", "model_repo", "examples"}
    assert not (folder / "model_repo" / "generation").exists()
    assert (folder / "examples" / "shop" / "knowledge").is_dir()
    assert {path.name for path in (folder / "control_plane").iterdir()} == {"__init__.py", "spec"}


def test_a_chat_is_answered_in_both_languages(mesh: openai.OpenAI) -> None:
    for question, part in (("How long does delivery take?", "delivery"), ("多久能送到？", "工作日")):
        raw = mesh.chat.completions.with_raw_response.create(
            model="shop", messages=[{"role": "user", "content": question}]
        )
        assert part in (raw.parse().choices[0].message.content or "")
        assert raw.headers["x-tiermesh-model"] == "faq"


def test_a_streamed_chat_ends_whole(mesh: openai.OpenAI) -> None:
    chunks = list(
        mesh.chat.completions.create(
            model="shop", messages=[{"role": "user", "content": "How can I pay?"}], stream=True
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_embeddings_pass(mesh: openai.OpenAI) -> None:
    assert len(mesh.embeddings.create(model="shop", input="How can I pay?").data[0].embedding) == 384


def test_an_abstention_has_the_shape_that_the_router_knows(served: str) -> None:
    body = {"model": "faq", "messages": [{"role": "user", "content": "Write a poem about the sea."}]}
    refused = httpx2.post(f"{served}/v1/chat/completions", json=body, timeout=30)
    assert refused.status_code == 422 and "x-tiermesh-abstained" in refused.headers
    assert refused.json()["error"]["code"] == "model_abstained"


def test_what_is_not_served_is_an_openai_error(served: str) -> None:
    missing = httpx2.post(f"{served}/v1/images", json={}, timeout=30)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")


def test_the_bentofile_asks_for_the_versions_that_the_project_states() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    stated = {*project["dependencies"], *project["optional-dependencies"]["models"]}
    packages = yaml.safe_load((ROOT / BENTOFILE).read_text())["python"]["packages"]
    assert set(packages) <= stated
