"""What all tests share: the whole stack, and the rule that nothing is skipped where nothing may be."""

import gc
import os
from collections.abc import Generator
from typing import TypeVar

import hypothesis
import onnxruntime as onnxruntime  # before usearch 2.26, after which its import crashes; no process of ours needs both
import pytest
from xdist.remote import Producer

from tests.kubernetes.cluster import cluster as cluster
from tests.kubernetes.cluster import namespace as namespace
from tests.postgres_server import postgres_server as postgres_server
from tests.postgres_server import postgres_url as postgres_url
from tests.scheduling import FolderScheduling
from tests.stack import stack as stack
from tests.weights import converted as converted

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

NO_SKIPS = os.environ.get("TIERMESH_NO_SKIPS") == "1"
STACK_SECONDS = 1200
"""Limit of a test with the whole stack: the first one starts it."""
CLUSTER_SECONDS = 600
"""The same of a test with a Kubernetes API."""


# On a busy machine the time of one example says nothing.
hypothesis.settings.register_profile("full", deadline=None, max_examples=60)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=10)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "full"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The tests themselves stay until the end: the garbage collector need not look at thousands of them each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long tests come last, after the quick ones had their chance to fail; first where several run side by side."""
    side_by_side = hasattr(config, "workerinput")
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker("stack")
        if item.get_closest_marker("stack") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(STACK_SECONDS))
        if "cluster" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(CLUSTER_SECONDS))
    items.sort(key=lambda item: (item.get_closest_marker("stack") is None) is side_by_side)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FolderScheduling | None:
    """What shares a server stays in one process."""
    return FolderScheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _failed_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _failed_if_skipped((yield))


def _failed_if_skipped(report: Report) -> Report:
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"TIERMESH_NO_SKIPS=1, and this was skipped: {reason}"
    return report
