"""What holds of every page: it fits a phone, can be read, and can be used without seeing or pointing."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.integration.console.conftest import Plane

_PAGES = {
    "experiments": "wording",
    "experiments/default/wording": "Arms",
    "experiments/default/skewed": "Arms",
    "experiments/new": "New experiment",
    "experiments/default/wording/edit": "Change wording",
    "rollouts": "heavier",
    "rollouts/default/heavier": "Weights",
    "routes": "careful",
    "routes/default/careful": "Quality contract",
    "routes/default/losing": "It is broken",
}

_OPENED = "for (const each of document.querySelectorAll('details')) each.open = true"

# WCAG 2.2, 1.4.3: the contrast of each text with the nearest colour behind it, as the browser computed both.
_FAINT = """
() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number)
  const light = colour => {
    const [r, g, b] = channels(colour).slice(0, 3).map(each => each / 255)
      .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = element => {
    for (let each = element; each; each = each.parentElement) {
      const { backgroundColor } = getComputedStyle(each)
      if ((channels(backgroundColor)[3] ?? 1) === 1) return backgroundColor
    }
    return 'rgb(255, 255, 255)'
  }
  const faint = []
  for (const element of document.querySelectorAll('body *')) {
    const said = [...element.childNodes].filter(each => each.nodeType === 3 && each.data.trim()).length
    const control = element.matches('input, select, textarea')
    if ((!said && !control) || !element.checkVisibility() || element.closest('.unseen, .skip')) continue
    const { color, fill, fontSize, fontWeight } = getComputedStyle(element)
    const [one, other] = [light(element.closest('svg') ? fill : color), light(behind(element))].sort()
    const big = parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && fontWeight >= 700)
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    if (contrast < (big ? 3 : 4.5)) faint.push(`${element.className} ${element.textContent.slice(0, 30)}: ${contrast}`)
  }
  return faint
}
"""

_UNLABELLED = """
() => [...document.querySelectorAll('input, select, textarea')]
  .filter(each => !each.labels.length).map(each => each.outerHTML)
"""
_TWICE = """
() => [...document.querySelectorAll('[id]')].map(each => each.id).filter((id, index, all) => all.indexOf(id) !== index)
"""
_DANGLING = """
() => ['aria-labelledby', 'aria-describedby', 'for', 'list'].flatMap(name =>
  [...document.querySelectorAll(`[${name}]`)].flatMap(each => each.getAttribute(name).split(' '))
    .filter(id => !document.getElementById(id)))
"""
_NAMELESS = """
() => [...document.querySelectorAll('button, a, summary, [role=img]')]
  .filter(each => !(each.getAttribute('aria-label') ?? each.textContent).trim()).map(each => each.outerHTML)
"""


def _open(page: Page, plane: Plane, path: str) -> None:
    page.goto(f"{plane.url}/#/{path}")
    page.get_by_role("main").get_by_text(_PAGES[path], exact=True).first.wait_for()
    page.evaluate(_OPENED)


@pytest.fixture(scope="module", params=["light", "dark"])
def phone(browser: Browser, request: pytest.FixtureRequest) -> Any:
    """A page as wide as a phone, in both colour schemes."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=request.param)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", _PAGES)
def test_a_page_fits_a_phone_and_can_be_read_and_used_by_everybody(phone: Page, plane: Plane, path: str) -> None:
    _open(phone, plane, path)
    assert phone.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    for wrong in (_FAINT, _UNLABELLED, _TWICE, _DANGLING, _NAMELESS):
        assert phone.evaluate(wrong) == []
    assert phone.get_by_role("heading", level=1).count() == 1
    for landmark in ("banner", "navigation", "main"):
        assert phone.get_by_role(landmark).count() == 1


def test_the_first_key_leads_past_the_menu(page: Page, plane: Plane) -> None:
    _open(page, plane, "rollouts/default/heavier")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.get_by_role("heading", name="heavier").is_visible()


def test_whatever_has_the_focus_shows_it(page: Page, plane: Plane) -> None:
    _open(page, plane, "experiments/default/wording")
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", page.evaluate("document.activeElement.outerHTML")
