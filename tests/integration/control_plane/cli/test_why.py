"""`tiermesh why` against a control plane, with and without a router."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from control_plane.server import Addresses
from tests.unit.control_plane.cli.admin_port import AdminPort
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.decisions import written
from tests.unit.control_plane.samples import route, shop


@pytest.fixture
def router() -> Iterator[AdminPort]:
    with AdminPort() as port:
        yield port


@pytest.fixture
def decided(addresses: Addresses) -> Iterator[httpx2.Client]:
    """A control plane with two snapshots and one record, of the first."""
    with httpx2.Client(base_url=addresses.api, trust_env=False) as api:
        for documents, reason in ((shop(), "a first try"), ([route(complexity={"threshold": 0.2})], "more heavy")):
            body = {"documents": documents, "author": "alice", "reason": reason}
            assert api.post("/v1/documents", json=body).json()["published"]
        api.post("/v1/decisions", json={"records": [written("order-7")]}).raise_for_status()
        yield api


def test_everything_is_shown_and_worked_out_again(tiermesh: Run, decided: httpx2.Client, router: AdminPort) -> None:
    router.replies["/replay"] = {"same": True, "differences": [], "decision": {}}
    ran = tiermesh("why", "order-7", "--router", router.url)
    assert ran.code == 0
    for said in ("200 after 0.500 s", "faq, assistant", "length 0.288", "1, by alice", "a first try"):
        assert said in ran.out
    assert "decided   route" in ran.out and "happened  failed" in ran.out
    assert "+  threshold: 0.2" in ran.out
    assert "Recomputed: same." in ran.out
    asked = router.asked["/replay"]
    assert (asked["record"]["requestId"], asked["snapshot"]["number"]) == ("order-7", 1)
    assert [one["name"] for one in asked["snapshot"]["content"]["routes"]] == ["shop"]


def test_what_a_learned_router_made_of_it_is_shown(tiermesh: Run, decided: httpx2.Client) -> None:
    record = written("order-8")
    said = {"artifact": "0" * 16, "gain": -0.1234, "held": None, "drawn": "light", "propensity": 0.99}
    record["choice"]["learned"] = said
    decided.post("/v1/decisions", json={"records": [record]}).raise_for_status()
    ran = tiermesh("why", "order-8", "--router", "http://127.0.0.1:1")
    assert "gain -0.123 by router 0000000000000000; propensity 0.99, drawn by chance: light" in ran.out


def test_what_comes_out_otherwise_is_listed(tiermesh: Run, decided: httpx2.Client, router: AdminPort) -> None:
    different = {"what": "tier", "recorded": "light", "recomputed": "heavy"}
    router.replies["/replay"] = {"same": False, "differences": [different], "decision": {}}
    ran = tiermesh("why", "order-7", "--router", router.url)
    assert "Recomputed: different." in ran.out
    assert "tier  light     heavy" in ran.out


def test_without_a_router_the_rest_is_shown_all_the_same(tiermesh: Run, decided: httpx2.Client) -> None:
    ran = tiermesh("why", "order-7", "--router", "http://127.0.0.1:1", "-o", "json")
    (found,) = json.loads(ran.out)
    assert (ran.code, found["replay"]["same"]) == (0, None)
    assert "does not answer" in found["replay"]["note"]
    assert (found["snapshot"]["number"], found["latest"]["number"]) == (1, 2)


def test_the_router_is_asked_for_what_the_control_plane_does_not_have(
    tiermesh: Run, decided: httpx2.Client, router: AdminPort
) -> None:
    router.replies["/decisions/order-8"] = {"items": [written("order-8") | {"snapshot": 9}]}
    ran = tiermesh("why", "order-8", "--router", router.url)
    assert "9, not kept any more" in ran.out
    assert "Recomputed: not possible. Snapshot 9 is not kept any more." in ran.out


def test_a_request_that_nobody_knows_is_an_error_that_names_both(
    tiermesh: Run, decided: httpx2.Client, router: AdminPort
) -> None:
    ran = tiermesh("why", "order-9", "--router", router.url)
    assert ran.code == 1
    assert "No decision about a request 'order-9'" in ran.err
    assert "nothing at '/decisions/order-9'" in ran.err


@pytest.mark.parametrize("whole", [False, True])
def test_the_diff_is_of_the_route_or_of_everything(tiermesh: Run, decided: httpx2.Client, whole: bool) -> None:
    more: Any = {"documents": [route("bank")], "author": "bob"}
    assert decided.post("/v1/documents", json=more).json()["published"]
    ran = tiermesh("why", "order-7", "--router", "http://127.0.0.1:1", *(["--whole"] if whole else []))
    assert ("name: bank" in ran.out) is whole
