"""A learned router on its way: from a file over the control plane to a router that scores with it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from control_plane.client.http import Client, SnapshotFeed
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import Code, TiermeshError
from routers.reading import Reader
from routers.runtime import Builder
from routers.shelf import Shelf
from routers.slices import at_once
from routers.sources import ControlPlaneSource, FileSource
from tests.control_plane_server import running
from tests.learned import NAME, complexity, saved, text
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.cli.conftest import run as run
from tests.unit.control_plane.samples import model, parsed, route

DOCUMENTS = [
    model("light", engine="openai", source=None, faq=None, url="http://127.0.0.1:1/v1"),
    model("heavy", engine="openai", tier="heavy", source=None, faq=None, url="http://127.0.0.1:1/v1"),
    route(tiers={"light": ["light"], "heavy": ["heavy"]}, complexity=complexity()),
]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[str]:
    with running(ControlPlaneSettings.load(home=tmp_path / "home", port=0, admin_port=0)) as addresses:
        yield addresses.api


async def test_what_lies_beside_the_documents_reaches_a_router_by_its_name(
    run: Run, api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIERMESH_SERVER", api)
    folder = tmp_path / "shop"
    folder.mkdir()
    saved(folder)
    (folder / "documents.yaml").write_text(yaml.safe_dump_all(DOCUMENTS))
    assert run("apply", "-f", folder).code == 0
    feed, shelf = SnapshotFeed(api), Shelf(tmp_path / "learned")
    found = await ControlPlaneSource(feed, "router-1", Reader(), shelf).next(None)
    await feed.aclose()
    assert found is not None
    ready = at_once(Builder(shelf=shelf).build(found)).routes["shop"]
    assert ready.router is not None
    assert ready.router.threshold == 0.05
    assert ready.gains == Shelf(folder).model(NAME)


def test_a_route_that_names_what_is_not_there_is_refused_until_it_is_pushed(
    run: Run, api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIERMESH_SERVER", api)
    with Client(api) as client:
        with pytest.raises(TiermeshError, match=f"there is no artifact '{NAME}' here"):
            client.apply(parsed(*DOCUMENTS), "alice")
        assert run("router", "push", saved(tmp_path)).out.startswith(f"{NAME} is kept:")
        assert run("router", "push", saved(tmp_path)).out.startswith(f"{NAME} is kept already")
        assert client.apply(parsed(*DOCUMENTS), "alice").published
        assert [entry.action for entry in client.audit()].count("artifact add") == 1


def test_a_text_that_is_not_what_its_name_says_is_not_kept(run: Run, api: str, tmp_path: Path) -> None:
    with Client(api) as client, pytest.raises(TiermeshError, match="does not hold what its name says") as refused:
        client.keep_artifact("0" * 16, text())
    assert refused.value.code is Code.INVALID_DOCUMENT


def test_reports_to_the_control_plane_move_the_route_and_describe_says_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ControlPlaneSettings.load(home=tmp_path / "home", port=0, admin_port=0, rollout_seconds=0.1)
    with running(settings) as addresses, Client(addresses.api) as client:
        monkeypatch.setenv("TIERMESH_SERVER", addresses.api)
        client.keep_artifact(NAME, text())
        client.apply(parsed(*DOCUMENTS), "alice")
        promise = client.snapshot().content.routes[0].router
        assert promise is not None
        terms = {"promise": promise.promise, "maxQualityLoss": 0.02, "confidence": 0.95, "outcome": "quality"}
        said = {"kind": "exploration", "route": "shop", "at": time.time(), "below": True, **terms}
        events = [said | {"id": f"r{number}", "tier": ("light", "heavy")[number % 2]} for number in range(100)]
        client._call("POST", "/v1/events", json={"router": "r", "spool": "0" * 32, "first": 1, "events": events})
        reports = [{"requestId": f"r{number}", "name": "quality", "value": number % 2} for number in range(100)]
        client._call("POST", "/v1/feedback", json={"items": reports})
        assert_soon(lambda: client.snapshot().number == 2)
        router = client.snapshot().content.routes[0].router
        assert router is not None
        assert router.broken
        (status,) = client.promises()
        assert (status.route, status.state, status.seen) == ("shop", "broken", 100)
        shown = run("describe", "route", "shop").out
    assert "Contract kept" in shown
    assert "by 100 reports" in shown


def assert_soon(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


async def test_a_router_alone_reads_it_beside_its_documents(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "documents.yaml").write_text(yaml.safe_dump_all(DOCUMENTS))
    found = await FileSource(tmp_path).next(None)
    assert found is not None
    (compiled,) = found.snapshot.content.routes
    assert compiled.router is not None
    assert compiled.router.threshold == 0.05


async def test_a_router_alone_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "documents.yaml").write_text(yaml.safe_dump_all(DOCUMENTS))
    with pytest.raises(TiermeshError, match=f"put {NAME}.router.json beside the documents"):
        await FileSource(tmp_path).next(None)
