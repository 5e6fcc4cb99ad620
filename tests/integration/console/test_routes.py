"""How what Routes promise stands, as somebody at a browser sees it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.integration.console import prepared
from tests.integration.console.conftest import Plane
from tests.learned import NAME


def _promise(plane: Plane, route: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = plane.api.get("/v1/promises").json()["items"]
    return next(one for one in found if one["route"] == route and one["current"])


def _opened(page: Page, plane: Plane, route: str) -> Locator:
    page.goto(f"{plane.url}/#/routes/default/{route}")
    return page.get_by_role("region", name="Quality contract")


def _fact(shown: Locator, name: str) -> Locator:
    return shown.locator(".facts > div").filter(has=shown.page.get_by_role("term").filter(has_text=name)).locator("dd")


def _figure(number: float) -> str:
    return f"{number:.3g}".replace("-", "−")


def test_the_list_says_of_each_how_its_contract_stands(page: Page, plane: Plane) -> None:
    page.goto(plane.url)
    page.get_by_role("navigation").get_by_role("link", name="Routes").click()
    for name, said in {"careful": "shown", "losing": "broken", "fresh": "unsure"}.items():
        card = page.get_by_role("listitem").filter(has=page.get_by_role("link", name=name, exact=True))
        expect(card.locator(".badge")).to_have_text(f"contract {said}")
        expect(card).to_contain_text(f"by router {NAME}")
    plain = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="shop", exact=True))
    expect(plain).to_contain_text("heavy from a complexity of 0.7")
    expect(plain.locator(".badge")).to_have_count(0)


def test_a_contract_is_shown_with_its_terms_and_what_reports_came_to(page: Page, plane: Plane) -> None:
    shown, known = _opened(page, plane, "careful"), _promise(plane, "careful")
    expect(shown.get_by_role("status")).to_contain_text("It is shown to hold")
    assert (known["state"], known["seen"], known["below"]) == ("shown", 600, 400)
    loss = known["loss"]
    interval = f"{_figure(loss['low'])} to {_figure(loss['high'])}"
    expect(_fact(shown, "Lost at most")).to_contain_text("0.3 of quality a request")
    expect(_fact(shown, "Confidence")).to_have_text("90%")
    expect(_fact(shown, "Lost by estimate")).to_have_text(_figure(loss["value"]))
    expect(_fact(shown, "Interval")).to_have_text(interval)
    expect(_fact(shown, "Reports")).to_contain_text("600 of requests that explored; 400 of these")
    expect(_fact(shown, "Explores")).to_contain_text("5% of requests")
    expect(shown.get_by_role("img")).to_have_accessible_name(
        f"Lost by estimate {_figure(loss['value'])}, interval {interval}; the bound is 0.3."
    )


@pytest.mark.parametrize("route", ["careful", "losing"])
def test_the_picture_has_the_estimate_in_its_interval_and_the_bound_where_it_is(
    page: Page, plane: Plane, route: str
) -> None:
    chart = _opened(page, plane, route).get_by_role("img")
    place = {
        name: float(chart.locator(selector).get_attribute(end) or "")
        for name, selector, end in [
            ("nothing", ".zero line", "x1"),
            ("bound", ".margin line", "x1"),
            ("low", ".now", "x1"),
            ("high", ".now", "x2"),
            ("value", "circle", "cx"),
        ]
    }
    known, most = _promise(plane, route)["loss"], 0.3 if route == "careful" else 0.02
    scale = (place["bound"] - place["nothing"]) / most
    for end in ("low", "value", "high"):
        assert place[end] == pytest.approx(place["nothing"] + scale * known[end], abs=0.01)
    assert (place["low"] > place["bound"]) is (route == "losing")


def test_a_broken_one_says_what_follows_from_it(page: Page, plane: Plane) -> None:
    shown = _opened(page, plane, "losing")
    expect(shown.get_by_role("status")).to_contain_text("It is broken")
    expect(shown.get_by_role("status")).to_contain_text("Requests go to the heavy tier, but for those that explore")


def test_where_nothing_is_known_it_says_how_to_report_and_where_nothing_will_be_that_nobody_watches(
    page: Page, plane: Plane
) -> None:
    shown = _opened(page, plane, "fresh")
    expect(shown.get_by_role("status")).to_contain_text("with POST /v1/feedback")
    expect(shown.get_by_role("img")).to_have_count(0)
    expect(_fact(shown, "Lost by estimate")).to_have_count(0)
    shown = _opened(page, plane, "unwatched")
    expect(shown.get_by_role("status")).to_contain_text("contract.exploration is 0")


def test_a_page_follows_reports_and_keeps_what_was_promised_before(page: Page, plane: Plane) -> None:
    page.clock.install()
    plane.api.put("/v1/routes/changing", json=prepared.promising("changing")).raise_for_status()
    prepared.reported(plane.api, "changing", 50, light_is_right=1)
    shown = _opened(page, plane, "changing")
    expect(shown.get_by_role("status")).to_contain_text("Not shown either way")
    expect(_fact(shown, "Interval")).to_have_text("no interval yet")
    expect(shown.get_by_role("img")).to_have_count(0)
    before = _promise(plane, "changing")["promise"]
    assert plane.api.get("/v1/promises").json()["items"]
    changed = prepared.promising("changing", maxQualityLoss=0.05)
    plane.api.put("/v1/routes/changing", json=changed).raise_for_status()
    page.clock.run_for(6000)
    expect(_fact(shown, "Lost at most")).to_contain_text("0.05")
    expect(shown.get_by_role("status")).to_contain_text("Nothing is known yet")
    table = page.get_by_role("region", name="What it promised before")
    expect(table.get_by_role("row").last).to_have_text(re.compile(re.escape(before) + r"unsure.*no interval yet50$"))
    plane.api.delete("/v1/routes/changing").raise_for_status()


def test_a_route_without_a_contract_says_nothing_of_one(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/routes/default/shop")
    expect(page.get_by_role("definition").filter(has_text="heavy from a complexity of 0.7")).to_be_visible()
    expect(page.get_by_role("heading", level=2)).to_have_text(["About"])


def test_what_somebody_wrote_is_text_whatever_it_says(page: Page, plane: Plane) -> None:
    script = "<img/src=x/onerror=\"document.title='taken'\">"
    written = prepared.promising("scripty")
    written["spec"]["model"] = script
    written["metadata"] |= {"annotations": {"why": script}}
    plane.api.put("/v1/routes/scripty", json=written).raise_for_status()
    page.goto(f"{plane.url}/#/routes/default/scripty")
    expect(page.get_by_role("definition").filter(has_text="model:")).to_have_text(f"model: {script}")
    page.get_by_text("The document").click()
    expect(page.locator("pre")).to_contain_text("onerror=")
    assert page.locator("main img").count() == 0
    assert "taken" not in page.title()
    plane.api.delete("/v1/routes/scripty").raise_for_status()
