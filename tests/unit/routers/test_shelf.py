"""The shelf: learned routers in memory, on the disk, or fetched; never one that is not what its name says."""

import logging
from pathlib import Path

import pytest

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.learned import SUFFIX, name_of
from routers.learning.features import VERSION
from routers.shelf import Shelf
from tests.learned import NAME, saved, text


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


class Giver:
    """Answers with texts, and counts what it is asked for."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts
        self.asked: list[str] = []

    async def __call__(self, name: str) -> str:
        self.asked.append(name)
        if name not in self.texts:
            raise TiermeshError(Code.NOT_FOUND, f"There is no artifact {name!r}.")
        return self.texts[name]


async def test_what_is_not_here_is_fetched_once_and_kept_on_the_disk(tmp_path: Path) -> None:
    giver = Giver(**{NAME: text()})
    shelf = Shelf(tmp_path / "learned")
    await shelf.stock({NAME}, giver)
    await shelf.stock({NAME}, giver)
    await Shelf(tmp_path / "learned").stock({NAME}, giver)
    assert giver.asked == [NAME]
    assert Shelf(tmp_path / "learned").model(NAME) == shelf.model(NAME)


async def test_a_text_under_a_wrong_name_is_neither_kept_nor_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf(tmp_path)
    with caplog.at_level(logging.ERROR):
        await shelf.stock({"0" * 16}, Giver(**{"0" * 16: text()}))
    assert "cannot be used" in caplog.text
    assert files(tmp_path) == []
    with pytest.raises(TiermeshError, match="cannot be used here") as refused:
        shelf.model("0" * 16)
    assert refused.value.code is Code.UNAVAILABLE


async def test_a_control_plane_that_is_away_is_asked_again_later(tmp_path: Path) -> None:
    async def away(_name: str) -> str:
        raise TiermeshError(Code.UNAVAILABLE, "It does not answer.")

    with pytest.raises(TiermeshError, match="does not answer"):
        await Shelf(tmp_path).stock({NAME}, away)


async def test_what_no_route_names_leaves_the_memory(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    await shelf.stock({NAME}, Giver(**{NAME: text()}))
    await shelf.stock(set(), Giver())
    saved(tmp_path).unlink()
    with pytest.raises(TiermeshError, match="cannot be read"):
        shelf.model(NAME)


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (text(embedding=(0.5, 0.5), encoder="bundled://other"), "trained with bundled://other"),
        (text().replace(f'"features": {VERSION}', '"features": 99'), f"features: Input should be {VERSION}"),
    ],
)
def test_what_this_router_cannot_score_with_is_refused(tmp_path: Path, of: str, why: str) -> None:
    saved(tmp_path, of)
    with pytest.raises(TiermeshError, match=why):
        Shelf(tmp_path).model(name_of(of))


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}{SUFFIX}").write_text(text().replace("0.05", "0.9"))
    with pytest.raises(TiermeshError, match="does not hold what its name says"):
        Shelf(tmp_path).model(NAME)
