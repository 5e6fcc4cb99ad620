"""Where snapshots come from: real files, and a control plane's feed."""

import json
from pathlib import Path

import pytest

from control_plane.spec.documents import Document, dump
from control_plane.spec.errors import TiermeshError
from routers import sources
from routers.runtime import Runtime
from routers.sources import FileSource
from tests.unit.routers.samples import documents, model, route


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "POLL_SECONDS", 0)


def write(path: Path, *written: Document) -> Path:
    path.write_text(json.dumps([dump(document) for document in written]))
    return path


async def test_a_file_gives_one_snapshot_that_a_router_can_build(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "a.json", *documents()))
    first = await source.next(None)
    assert first is not None
    assert (first.snapshot.number, first.snapshot.parent) == (1, None)
    assert list(Runtime.build(first.snapshot).routes) == ["shop"]
    assert await source.next(1) is None


async def test_a_changed_file_gives_the_next_number(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "a.json", *documents()))
    await source.next(None)
    write(tmp_path / "a.json", *documents(), route("bank", heavy=[]))
    assert await source.next(1) is None
    second = await source.next(1)
    assert second is not None
    assert (second.snapshot.number, second.snapshot.parent) == (2, 1)
    assert [compiled.name for compiled in second.snapshot.content.routes] == ["bank", "shop"]


async def test_a_file_that_was_written_again_with_the_same_content_gives_nothing(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "a.json", *documents()))
    await source.next(None)
    (tmp_path / "a.json").write_text((tmp_path / "a.json").read_text() + "\n")
    assert [await source.next(1) for _ in range(3)] == [None] * 3


async def test_a_file_that_is_being_written_in_place_takes_nothing_away(tmp_path: Path) -> None:
    file, routes = tmp_path / "a.yaml", [*documents(), route("bank", heavy=[])]
    write(file, *routes)
    source = FileSource(file)
    await source.next(None)
    with file.open("w") as writing:
        for document in (None, *routes, route("zoo", heavy=[])):
            writing.write(f"- {json.dumps(dump(document))}\n" if document else "")
            writing.flush()
            assert await source.next(1) is None
    second = await source.next(1)
    assert second is not None
    assert [compiled.name for compiled in second.snapshot.content.routes] == ["bank", "shop", "zoo"]


async def test_a_file_that_stays_empty_is_an_error_though_not_at_once(tmp_path: Path) -> None:
    file = write(tmp_path / "a.yaml", *documents())
    source = FileSource(file)
    await source.next(None)
    file.write_text("")
    assert await source.next(1) is None
    with pytest.raises(TiermeshError, match=r"a\.yaml holds no document"):
        await source.next(1)


async def test_a_log_that_grows_beside_the_documents_does_not_delay_them(tmp_path: Path) -> None:
    write(tmp_path / "a.json", *documents())
    source, log = FileSource(tmp_path), tmp_path / "traffic.jsonl"
    await source.next(None)
    write(tmp_path / "more.json", route("bank", heavy=[]))
    found = []
    for _ in range(2):
        log.write_text((log.read_text() if log.exists() else "") + "{}\n")
        found.append(await source.next(1))
    assert found[0] is None and found[1] is not None


async def test_a_broken_file_is_an_error_once_and_its_repair_gives_a_snapshot(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", *documents())
    source = FileSource(file)
    await source.next(None)
    file.write_text("[{")
    assert await source.next(1) is None
    with pytest.raises(TiermeshError, match=r"a\.json"):
        await source.next(1)
    assert await source.next(1) is None
    write(file, *documents(), route("bank", heavy=[]))
    assert await source.next(1) is None
    second = await source.next(1)
    assert second is not None and second.snapshot.number == 2


async def test_a_document_that_names_no_model_is_an_error_with_its_field(tmp_path: Path) -> None:
    source = FileSource(write(tmp_path / "a.json", model("light"), route()))
    with pytest.raises(TiermeshError, match="Route/shop.spec.tiers.heavy"):
        await source.next(None)


async def test_a_folder_is_followed_as_files_come_and_go(tmp_path: Path) -> None:
    write(tmp_path / "models.json", *documents())
    source = FileSource(tmp_path)
    await source.next(None)
    extra = write(tmp_path / "more.json", route("bank", heavy=[]))
    assert await source.next(1) is None
    second = await source.next(1)
    assert second is not None and len(second.snapshot.content.routes) == 2
    extra.unlink()
    assert await source.next(2) is None
    third = await source.next(2)
    assert third is not None and (third.snapshot.number, len(third.snapshot.content.routes)) == (3, 1)


async def test_a_place_that_is_not_there_is_an_error_until_it_is_and_never_nothing_to_serve(tmp_path: Path) -> None:
    source = FileSource(tmp_path / "later.json")
    with pytest.raises(TiermeshError, match=r"later\.json cannot be read"):
        await source.next(None)
    write(tmp_path / "later.json", *documents())
    assert (await source.next(None)) is not None


async def test_a_link_to_nowhere_such_as_an_editors_lock_is_no_document(tmp_path: Path) -> None:
    write(tmp_path / "a.json", *documents())
    (tmp_path / "b.json").symlink_to(tmp_path / "nowhere")
    assert (await FileSource(tmp_path).next(None)) is not None


EXAMPLE = Path(__file__).parents[3] / "examples" / "prompts"


async def test_a_route_takes_its_prompt_from_the_document_beside_it() -> None:
    found = await FileSource(EXAMPLE).next(None)
    assert found is not None
    prompt = Runtime.build(found.snapshot).routes["order-desk"].prompt
    assert prompt is not None and prompt.header == "x-tiermesh-prompt: order-desk@1\r\n"


async def test_a_prompt_that_no_document_says_is_an_error_with_its_field(tmp_path: Path) -> None:
    prompted = route(prompt={"name": "support", "alias": "production"})
    source = FileSource(write(tmp_path / "a.json", *documents()[:2], prompted))
    with pytest.raises(TiermeshError, match=r"Route/shop\.spec\.prompt: 'support@production' leads nowhere"):
        await source.next(None)
