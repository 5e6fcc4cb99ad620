"""Which documents a start is about, and the file that the models' process follows."""

from pathlib import Path

from control_plane.client.files import parse_documents, read_documents
from control_plane.spec.documents import TRIED, Metadata, Model
from launcher.documents import bundled, expected, local, render
from launcher.home import Home
from tests.unit.launcher.samples import elsewhere, faq, model


def test_the_bundled_shop_is_found_and_has_models_and_a_route() -> None:
    assert {document.kind for document in read_documents(bundled())} == {"Model", "Route"}


def test_a_first_start_expects_the_bundled_documents(tmp_path: Path) -> None:
    assert expected(None, Home(tmp_path)) == read_documents(bundled())


def test_a_later_start_expects_the_models_of_the_last_run(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.models.write_text(render([faq("kept")]), encoding="utf-8")
    assert expected(None, home) == [faq("kept")]


def test_given_documents_replace_those_of_the_last_run_by_name(tmp_path: Path) -> None:
    home, given = Home(tmp_path), tmp_path / "given.yaml"
    home.models.write_text(render([faq("kept"), model("changed")]), encoding="utf-8")
    given.write_text(render([model("changed", version="2")]), encoding="utf-8")
    assert expected(given, home) == [model("changed", version="2"), faq("kept")]


def test_models_behind_a_url_do_not_run_here() -> None:
    there = model("there", url="http://127.0.0.1:1/v1")
    assert local([elsewhere("far"), there, faq("near")]) == [faq("near")]


def test_nothing_waits_for_a_version_that_is_only_tried() -> None:
    tried = model("near--v2").model_copy(
        update={"metadata": Metadata(name="near--v2", annotations={TRIED: "near"})},
    )
    assert local([model("near"), tried]) == [model("near")]


def test_rendered_models_read_back_equal_in_whatever_order_they_came() -> None:
    models: list[Model] = [model("b"), faq("a", version="7")]
    text = render(models)
    assert text == render(models[::-1])
    assert parse_documents(text) == [faq("a", version="7"), model("b")]


def test_no_model_at_all_is_a_file_without_documents(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.models.write_text(render([]), encoding="utf-8")
    assert parse_documents(home.models.read_text(encoding="utf-8")) == []
    assert expected(None, home) == []


def test_a_new_version_of_the_same_words_is_the_same_file() -> None:
    (read,) = parse_documents(render([faq("a")]))
    versioned = read.model_copy(update={"metadata": Metadata(name="a", resourceVersion="7")})
    assert isinstance(versioned, Model)
    assert render([versioned]) == render([faq("a")])


def test_models_of_two_namespaces_are_two(tmp_path: Path) -> None:
    home = Home(tmp_path)
    there = faq("a").model_copy(update={"metadata": Metadata(name="a", namespace="team")})
    home.models.write_text(render([there, faq("a")]), encoding="utf-8")
    assert expected(None, home) == [faq("a"), there]
