"""An Experiment written in the form and as YAML."""

import re
from typing import Any

import yaml
from playwright.sync_api import Locator, Page, expect

from tests.integration.console.conftest import Plane


def _tab_to(page: Page, wanted: Locator) -> None:
    """By keyboard alone."""
    handle = wanted.element_handle()
    for _ in range(80):
        if page.evaluate("element => element === document.activeElement", handle):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {wanted}")


def _type(page: Page, label: str, text: str, within: str = "") -> None:
    place = page.get_by_role("group", name=within) if within else page
    _tab_to(page, place.get_by_label(label, exact=True).first)
    page.keyboard.type(text)


def _text(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(page.get_by_label("The same as YAML").input_value())
    return found


def test_an_experiment_is_written_by_keyboard_alone(page: Page, plane: Plane) -> None:
    page.goto(plane.url)
    expect(page.get_by_role("link", name="wording")).to_be_visible()
    _tab_to(page, page.get_by_role("link", name="New experiment"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New experiment")).to_be_visible()
    _type(page, "Name", "by-hand")
    _type(page, "Route", "shop")
    _type(page, "Temperature", "0.2", "Arm candidate")
    _tab_to(page, page.get_by_role("button", name="Add a metric"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Metric 1").get_by_label("Name")).to_be_focused()
    page.keyboard.type("resolved")
    _type(page, "Outcome", "resolved")
    _tab_to(page, page.get_by_role("button", name="Add a guardrail"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("It can be saved.")).to_be_visible()
    _type(page, "Reason, for the record", "short answers first")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="by-hand is saved as version 1")).to_be_visible()
    expect(page.get_by_role("heading", name="by-hand", level=1)).to_be_visible()
    document = plane.api.get("/v1/experiments/by-hand").json()
    assert document["spec"] == {
        "route": "shop",
        "unit": {"header": "x-tiermesh-unit"},
        "arms": [
            {"name": "control", "weight": 50},
            {"name": "candidate", "weight": 50, "override": {"sampling": {"temperature": 0.2}}},
        ],
        "metrics": [
            {"name": "resolved", "kind": "proportion", "of": "outcome", "outcome": "resolved", "goal": "increase",
             "primary": True},
        ],
        "guardrails": [{"metric": "errors", "margin": {"relative": 0.1}}],
    }  # fmt: skip
    (written,) = plane.api.get("/v1/experiments/by-hand/revisions").json()["items"]
    assert written["reason"] == "short answers first"


def test_the_form_and_the_text_follow_each_other_and_keep_what_only_one_shows(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/experiments/default/wording/edit")
    text = page.get_by_label("The same as YAML")
    expect(page.get_by_label("Route")).to_have_value("shop")
    said = _text(page)
    said["metadata"]["annotations"] = {"why": "yes: # no"}
    said["spec"]["arms"][1]["weight"] = 150
    said["spec"]["plan"] = {"alpha": 1e-7}
    text.fill(yaml.safe_dump(said, sort_keys=False))
    arm = page.get_by_role("group", name="Arm shorter")
    expect(arm.get_by_label("Weight")).to_have_value("150")
    arm.get_by_label("Weight").fill("200")
    page.get_by_label("What is made of it").select_option("mean of units")
    page.get_by_text("Who takes part").click()
    page.get_by_label("Testers").fill("shorter: ann, bo")
    said["spec"]["arms"][1]["weight"] = 200
    said["spec"]["metrics"][0]["kind"] = "mean"
    said["spec"]["forced"] = {"shorter": ["ann", "bo"]}
    assert _text(page) == said
    expect(page.get_by_text("It can be saved.")).to_be_visible()


def test_a_metric_is_judged_and_becomes_another_again(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/experiments/default/wording/edit")
    before = _text(page)["spec"]["metrics"]
    metric = page.get_by_role("group", name="Metric resolved")
    metric.get_by_label("Of", exact=True).select_option("marks that a judge Model gives")
    metric.get_by_label("Judge Model").fill("assistant")
    metric.get_by_label("Rubric").fill("Is it kind?")
    metric.get_by_label("Of the answers, in %").fill("5")
    expect(page.get_by_text("It can be saved.")).to_be_visible()
    (judged,) = _text(page)["spec"]["metrics"]
    assert (judged["of"], judged["kind"], "outcome" in judged) == ("judge", "mean", False)
    assert judged["judge"] == {"model": "assistant", "rubric": "Is it kind?", "percent": 5}
    metric.get_by_label("Of", exact=True).select_option("an outcome that callers report")
    metric.get_by_label("Outcome").fill("resolved")
    metric.get_by_label("What is made of it").select_option("share of units with any")
    assert [sorted(one.items(), key=str) for one in _text(page)["spec"]["metrics"]] == [
        sorted(one.items(), key=str) for one in before
    ]


def test_a_text_that_cannot_be_read_says_where_and_the_form_waits(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/experiments/default/wording/edit")
    text = page.get_by_label("The same as YAML")
    expect(page.get_by_label("Route")).to_have_value("shop")
    before = text.input_value()
    text.fill(before + "\nspec: [")
    expect(page.get_by_role("alert")).to_contain_text("The text, line")
    expect(page.get_by_label("Route")).to_be_disabled()
    text.fill(before)
    expect(page.get_by_label("Route")).to_be_enabled()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_what_is_wrong_stands_at_its_field(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/experiments/default/wording/edit")
    page.get_by_label("Route").fill("shoo")
    expect(page.get_by_label("Route")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Route")).to_have_accessible_description(
        "Whose requests it is about there is no Route 'shoo'; did you mean 'shop'?"
    )
    page.get_by_role("group", name="Control").get_by_label("Weight").fill("much")
    page.get_by_text("How it is decided").click()
    page.get_by_label("Chance of a false verdict, in %").fill("70")
    page.get_by_text("How it is decided").click()
    expect(page.get_by_text("2 things are to be corrected")).to_be_visible()
    page.get_by_role("button", name="spec.plan.alpha").click()
    expect(page.get_by_label("Chance of a false verdict, in %")).to_be_focused()
    expect(page.get_by_label("Chance of a false verdict, in %")).to_have_accessible_description(
        re.compile("Input should be less than 0.5")
    )
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Change wording")).to_be_visible()


def test_a_change_that_somebody_made_meanwhile_is_shown_beside_ones_own(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/experiments/default/idea/edit")
    salt = page.get_by_label("Salt")
    page.get_by_text("How it is decided").click()
    salt.fill("mine")
    theirs = plane.api.get("/v1/experiments/idea").json()
    theirs["spec"]["salt"] = "theirs"
    version = plane.api.put("/v1/experiments/idea", json=theirs).json()["changes"][0]["generation"]
    page.get_by_role("button", name="Save").click()
    shown = page.get_by_role("region", name="Somebody changed it meanwhile")
    expect(shown.get_by_role("heading", level=2)).to_be_focused()
    expect(shown).to_contain_text("spec.salt is 'theirs' now, and yours says 'mine'")
    expect(shown.locator(".differs").filter(has_text="salt")).to_have_text(["  salt: theirs\n", "  salt: mine\n"])
    shown.get_by_role("button", name="Write mine over it").click()
    expect(page.get_by_text(f"idea is saved as version {version + 1}")).to_be_visible()
    assert plane.api.get("/v1/experiments/idea").json()["spec"]["salt"] == "mine"


def test_a_name_that_is_taken_is_not_written_over(page: Page, plane: Plane) -> None:
    before = plane.api.get("/v1/experiments/wording").json()
    page.goto(f"{plane.url}/#/experiments/new")
    page.get_by_label("Name", exact=True).first.fill("wording")
    page.get_by_label("Route").fill("shop")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="There is one of this name already")).to_be_visible()
    assert plane.api.get("/v1/experiments/wording").json() == before


def test_typing_goes_on_while_a_token_is_asked_for(page: Page, closed: tuple[Plane, str]) -> None:
    plane, secret = closed
    page.goto(f"{plane.url}/#/experiments/new")
    page.get_by_label("Token", exact=True).fill(secret)
    page.keyboard.press("Enter")
    page.get_by_label("Name", exact=True).first.fill("kept")
    page.get_by_role("button", name="Forget the token").click()
    expect(page.get_by_role("dialog", name="Who are you?")).to_be_visible()
    page.get_by_label("Token", exact=True).fill(secret)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True).first).to_have_value("kept")


def test_what_is_typed_is_not_lost_by_a_click_beside_it(page: Page, plane: Plane) -> None:
    page.goto(f"{plane.url}/#/experiments/new")
    page.get_by_label("Name", exact=True).first.fill("kept")
    page.once("dialog", lambda asked: asked.dismiss())
    page.get_by_role("link", name="Rollouts").click()
    expect(page.get_by_label("Name", exact=True).first).to_have_value("kept")
    expect(page).to_have_url(f"{plane.url}/#/experiments/new")
    page.once("dialog", lambda asked: asked.accept())
    page.get_by_role("link", name="Rollouts").click()
    expect(page.get_by_role("heading", name="Rollouts")).to_be_visible()
