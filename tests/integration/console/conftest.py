"""Debian's Chromium, and control planes with something to show."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from control_plane.settings import ControlPlaneSettings
from tests.control_plane_server import running
from tests.integration.console import prepared
from tests.unit.control_plane.people import issue

CHROMIUM = Path("/usr/bin/chromium")
SECONDS = 30
"""How long a busy machine may take to show something."""


@dataclass(frozen=True)
class Plane:
    """A running control plane."""

    api: httpx2.Client
    settings: ControlPlaneSettings
    url: str


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed: apt-get install chromium")
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A shop with Experiments, a Rollout, and Routes with quality contracts.

    Two Experiments run, one of which is counted wrongly; one is a draft. One contract is shown to hold, one is broken,
    of two nothing is known.
    """
    settings = ControlPlaneSettings.load(home=tmp_path_factory.mktemp("console") / "home", port=0, admin_port=0)
    prepared.documents(
        settings,
        prepared.wording(),
        prepared.wording("skewed", "cold", "sampling"),
        prepared.wording("idea", "cache", "cache", state="draft"),
        prepared.guarded(),
        prepared.promising("careful", maxQualityLoss=0.3, confidence=0.9, exploration=0.05),
        prepared.promising("losing"),
        prepared.promising("fresh"),
        prepared.promising("unwatched", exploration=0),
    )
    ends = {"resolved": (0.076, 0.062), "errors": (-0.0006, 0.012), "latency-p95": (0.013, 0.125)}
    prepared.course(settings, "Experiment/wording", "shorter", ends)
    with running(settings) as found, httpx2.Client(base_url=found.api, trust_env=False, verify=False) as api:
        helped = {"control": 0.55, "shorter": 0.66}
        prepared.exposed(api, "Experiment/wording", {"control": 1500, "shorter": 1490}, helped)
        prepared.exposed(api, "Experiment/skewed", {"control": 500, "shorter": 300}, helped)
        prepared.reported(api, "careful", 600, light_is_right=0.9)
        prepared.reported(api, "losing", 300, light_is_right=0.2)
        yield Plane(api, settings, found.api)


@pytest.fixture(scope="package")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plane, str]]:
    """One that asks everybody for a token, and a viewer's."""
    home = tmp_path_factory.mktemp("closed") / "home"
    settings = ControlPlaneSettings.load(home=home, port=0, admin_port=0, open_on_loopback=False)
    prepared.documents(settings, prepared.wording())
    with running(settings) as found, httpx2.Client(base_url=found.api, trust_env=False, verify=False) as api:
        yield Plane(api, settings, found.api), issue(settings, "vera", "viewer@*")


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """An empty page. Whatever the console complains of, its policy included, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(SECONDS * 1000)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield opened
    context.close()
    refused = "Failed to load resource"  # what Chromium says of each answer that is a refusal
    assert [each for each in complaints if refused not in each] == []
