"""Rollouts as somebody at a browser sees and commands them."""

import re
import time

from playwright.sync_api import Page, expect

from tests.integration.console.conftest import SECONDS, Plane


def _status(plane: Plane) -> str:
    return str(plane.api.get("/v1/rollouts/heavier/status").json()["phase"])


def _until(plane: Plane, phase: str) -> None:
    deadline = time.monotonic() + SECONDS
    while _status(plane) != phase:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_list_shows_how_far_each_is(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/rollouts")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="heavier"))
    steps = card.get_by_role("list", name="Steps").get_by_role("listitem")
    words = ["5%, done", "pause, under way", "20%, to come", "analyse 30 minutes, to come", "50%, to come"]
    expect(steps).to_have_text([*words, "everybody, to come"])
    expect(card).to_contain_text("The candidate has 5%")


def test_each_command_is_asked_once_and_what_follows_is_said_before(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/rollouts/default/heavier")
    expect(page.get_by_role("region", name="Guardrails").get_by_role("heading", name="errors")).to_be_visible()
    page.get_by_role("button", name="Promote").click()
    asked = page.get_by_role("dialog", name="Promote heavier?")
    expect(asked).to_contain_text("goes on with 20%, whatever is shown of the guardrails")
    asked.get_by_label("Reason").fill("looks good")
    asked.get_by_role("button", name="Promote").click()
    expect(page.get_by_role("region", name="Progress")).to_contain_text(
        "The candidate has 20% of the units; step 4 of 5"
    )
    expect(page.get_by_role("region", name="What was decided")).to_contain_text("Somebody said promote")

    page.get_by_role("button", name="Abort").click()
    asked = page.get_by_role("dialog", name="Abort heavier?")
    expect(asked).to_contain_text("The candidate gets no unit any more")
    asked.get_by_role("button", name="Leave it").click()
    expect(page.get_by_role("button", name="Abort")).to_be_focused()
    assert _status(plane) == "analysing"

    page.get_by_role("button", name="Abort").click()
    page.get_by_role("dialog").get_by_role("button", name="Abort").click()
    expect(page.get_by_role("region", name="Progress")).to_contain_text("It is over: the Route is as it was")
    expect(page.get_by_role("button", name="Abort")).to_have_count(0)
    assert _status(plane) == "aborted"


def test_a_command_that_comes_too_late_is_refused_in_the_dialog(page: Page, plane: Plane) -> None:
    document = plane.api.get("/v1/rollouts/heavier").json()
    document["spec"]["salt"] = "anew"
    plane.api.put("/v1/rollouts/heavier", json=document).raise_for_status()
    page.goto(f"{plane.url}/#/rollouts/default/heavier")
    page.get_by_role("button", name="Abort").click()
    plane.api.post("/v1/rollouts/heavier/abort", json={"reason": "somebody was faster"}).raise_for_status()
    page.get_by_role("dialog").get_by_role("button", name="Abort").click()
    expect(page.get_by_role("alert")).to_have_text(
        "The rollout is over: aborted. Change its document, its salt if nothing else, to begin anew."
    )


def test_its_weight_over_time_is_drawn_with_what_was_decided_and_what_is_to_come(page: Page, plane: Plane) -> None:
    document = plane.api.get("/v1/rollouts/heavier").json()
    document["spec"]["salt"] = "drawn"
    plane.api.put("/v1/rollouts/heavier", json=document).raise_for_status()
    _until(plane, "paused")
    page.goto(f"{plane.url}/#/rollouts/default/heavier")
    chart = page.get_by_role("region", name="Weights").get_by_role("img")
    expect(chart).to_have_accessible_name(
        re.compile(r"time: 5% at the start; now paused\. To come: 20%, analyse 30 minutes, 50%, everybody\.")
    )
    expect(chart.locator(".decision")).to_have_count(2)
    page.get_by_text("As a table", exact=True).click()
    rows = page.get_by_role("group", name="The course as a table").get_by_role("row")
    expect(rows).to_contain_text(["When", "begins", "has 5%", "under way", "20%", "analyse", "50%", "everybody"])

    plane.api.post("/v1/rollouts/heavier/promote", json={}).raise_for_status()
    _until(plane, "analysing")
    page.reload()
    expect(chart).to_have_accessible_name(re.compile(r"20% after .*now analysing\. To come: 50%, everybody\."))
    plane.api.post("/v1/rollouts/heavier/abort", json={}).raise_for_status()
    page.reload()
    expect(chart).to_have_accessible_name(re.compile(r", 0% after .*; now aborted\. The decisions"))
    expect(chart.locator(".coming, .under-way")).to_have_count(0)
    expect(chart.locator(".decision.bad")).to_have_count(1)
