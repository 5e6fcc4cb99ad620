"""Who looks: with a token where one is needed, which stays in the tab and in a header."""

from playwright.sync_api import Page, Request, expect

from tests.integration.console.conftest import Plane


def test_who_sits_at_the_machine_is_asked_for_nothing(page: Page, plane: Plane) -> None:
    page.goto(plane.url)
    expect(page.get_by_role("heading", name="Experiments", level=1)).to_be_visible()
    expect(page.get_by_text("at this machine")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_others_show_a_token_that_goes_into_a_header_and_nowhere_else(page: Page, closed: tuple[Plane, str]) -> None:
    plane, secret = closed
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.goto(f"{plane.url}/#/experiments/default/wording")
    dialog = page.get_by_role("dialog", name="Who are you?")
    expect(dialog.get_by_label("Token")).to_be_focused()
    dialog.get_by_label("Token").fill("tmt-wrong")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("That token is not taken")
    dialog.get_by_label("Token").fill(secret)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="wording")).to_be_visible()
    expect(page.get_by_text("vera")).to_be_visible()
    assert not any(secret in request.url or secret in (request.post_data or "") for request in asked)
    assert page.evaluate("[document.cookie, JSON.stringify(localStorage)]") == ["", "{}"]
    page.reload()
    expect(page.get_by_role("heading", name="wording")).to_be_visible()
    page.get_by_role("button", name="Forget the token").click()
    expect(dialog).to_be_visible()
    assert secret not in page.evaluate("JSON.stringify(sessionStorage)")


def test_who_may_not_is_told_what_it_needs(page: Page, closed: tuple[Plane, str]) -> None:
    plane, secret = closed
    page.goto(f"{plane.url}/#/experiments/default/wording")
    page.get_by_label("Token").fill(secret)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("this needs experimenter")
