"""The console's files."""

import re
from pathlib import Path

from control_plane.console import assets
from control_plane.console.assets import FOLDER


def test_no_file_has_a_script_a_style_or_an_address_of_its_own_in_a_page() -> None:
    html = (FOLDER / "index.html").read_text()
    assert re.findall(r"<script[^>]*>[^<]", html) == re.findall(r"\son[a-z]+=|\sstyle=|<style", html) == []
    for file in FOLDER.rglob("*.*"):
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z]+\.[a-z]", text), file
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text), file


def test_another_content_has_another_etag(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("one")
    (before,) = assets.load(tmp_path).values()
    (tmp_path / "index.html").write_text("two")
    (after,) = assets.load(tmp_path).values()
    assert before.etag != after.etag
