"""What Experiments have shown, as somebody at a browser sees it."""

import re

from playwright.sync_api import Page, expect

from tests.integration.console import prepared
from tests.integration.console.conftest import Plane


def test_the_list_says_of_each_what_may_be_concluded(page: Page, plane: Plane) -> None:
    page.goto(plane.url)
    card = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="wording", exact=True))
    expect(card).to_contain_text("running")
    expect(card).to_contain_text("Route shop by header x-tiermesh-unit")
    expect(card.get_by_role("list", name="Arms")).to_contain_text("shorter 50%")
    expect(card).to_contain_text("2,990 units in 3 days")
    verdict = plane.api.get("/v1/experiments/wording/results").json()["verdict"]["text"]
    expect(card).to_contain_text(verdict.split(":")[1])
    draft = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="idea", exact=True))
    expect(draft).to_contain_text("draft")


def test_a_detail_shows_verdict_arms_and_effects_with_their_course(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/experiments/default/wording")
    results = plane.api.get("/v1/experiments/wording/results").json()
    verdict = page.get_by_role("region", name="Verdict", exact=True)
    expect(verdict.get_by_role("heading")).to_have_text("Not decided yet")
    expect(verdict.get_by_role("status")).to_contain_text(results["verdict"]["text"].split(":")[1])
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="shorter")).first
    expect(row).to_contain_text("1,490 of 1,495 expected")
    effect = page.get_by_role("article").filter(has=page.get_by_role("heading", name="resolved"))
    compared = next(one for one in results["comparisons"] if one["metric"] == "resolved")
    expect(effect).to_contain_text(f"{compared['difference'] * 100:+.3g} points")
    expect(effect).to_contain_text("better")
    chart = effect.get_by_role("img")
    expect(chart).to_have_accessible_name(
        re.compile(r"^resolved: difference from the control over time. Now: shorter \+")
    )
    course = [one for one in results["course"] if one["metric"] == "resolved"]
    drawn = chart.locator("polyline").get_attribute("points") or ""
    assert len(drawn.split()) == len(course) + 1
    assert chart.locator(".margin").count() == 2


def test_what_a_chart_shows_stands_in_a_table_too(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/experiments/default/wording")
    effect = page.get_by_role("article").filter(has=page.get_by_role("heading", name="errors"))
    effect.get_by_text("As a table").click()
    table = effect.get_by_role("table", name="errors: difference from the control over time")
    expect(table.get_by_role("columnheader")).to_have_text(["After", "Arm", "Difference", "Interval"])
    expect(table.get_by_role("row")).to_have_count(13)
    expect(table).to_contain_text(re.compile(r"−?[\d.]+ to \+[\d.]+ points"))


def test_where_units_are_missing_nothing_looks_like_a_result(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/experiments/default/skewed")
    expect(page.get_by_role("heading", name="Do not believe the numbers")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Sample ratio mismatch")
    expect(page.get_by_role("main")).to_contain_text("500 of 400 expected")
    expect(page.locator(".effects .badge")).to_have_text(["in doubt"] * 3)


def test_a_page_that_is_looked_at_follows_and_leaves_the_reader_alone(page: Page, plane: Plane) -> None:
    page.clock.install()
    page.goto(f"{plane.url}/#/experiments/default/skewed")
    rows = page.get_by_role("rowheader", name="shorter").locator("..")
    expect(rows.first).to_contain_text("300")
    page.get_by_text("The document").click()
    page.get_by_role("link", name="Change").focus()
    prepared.exposed(plane.api, "Experiment/skewed", {"shorter": 310}, {"shorter": 0.6}, again="later")
    page.clock.run_for(6000)
    expect(rows.first).to_contain_text("610")
    expect(page.get_by_role("link", name="Change")).to_be_focused()
    expect(page.locator("details:has-text('The document') pre")).to_be_visible()


def test_starting_and_stopping_are_asked_once_and_say_what_happens(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/experiments/default/idea")
    expect(page.get_by_role("main")).to_contain_text("no unit is assigned until somebody starts it")
    page.get_by_role("button", name="Start").click()
    asked = page.get_by_role("dialog", name="Start idea?")
    expect(asked).to_contain_text("its units get their arms")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Start")).to_be_focused()
    page.get_by_role("button", name="Start").click()
    asked.get_by_label("Reason, for the record").fill("it is time")
    asked.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert plane.api.get("/v1/experiments/idea").json()["spec"]["state"] == "running"
    assert plane.api.get("/v1/experiments/idea/revisions").json()["items"][0]["reason"] == "it is time"


def test_a_name_of_nothing_and_a_page_of_nothing_are_said_to_be(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/experiments/default/wordin")
    expect(page.get_by_role("alert")).to_have_text("There is no Experiment 'wordin'. Did you mean 'wording'?")
    page.goto(f"{plane.url}/#/nowhere")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()


def test_what_somebody_wrote_is_text_whatever_it_says(page: Page, plane: Plane) -> None:
    script = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    asked = {"headers": {"x-who": [script]}}
    written = prepared.wording("scripty", "odd", "cache", state="draft", targeting=asked, salt=script[:44])
    written["metadata"] |= {"labels": {script: script}}
    plane.api.put("/v1/experiments/scripty", json=written).raise_for_status()
    page.goto(f"{plane.url}/#/experiments/default/scripty")
    expect(page.get_by_role("definition").filter(has_text="header x-who is")).to_contain_text(script)
    page.get_by_text("The document").click()
    expect(page.locator("pre")).to_contain_text("onerror=")
    page.get_by_role("link", name="Change").click()
    page.get_by_text("Who takes part").click()
    expect(page.get_by_label("Only these headers")).to_have_value(f"x-who: {script}")
    assert page.locator("main img, main script").count() == 0
    assert "taken" not in page.title()
    plane.api.delete("/v1/experiments/scripty").raise_for_status()
