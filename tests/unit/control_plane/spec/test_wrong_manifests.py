"""What a Kubernetes API refuses the language refuses too, and what it cannot refuse the control plane does."""

import pytest

from benchmarks.harness.wrong_manifests import Wrong, wrong_manifests
from control_plane.spec.compile import compile
from control_plane.spec.documents import parse
from control_plane.spec.errors import FieldError, TiermeshError
from tests.unit.control_plane.samples import parsed


def test_there_are_sixty_and_more() -> None:
    assert len(wrong_manifests()) >= 60
    assert len({one.name for one in wrong_manifests()}) == len(wrong_manifests())


@pytest.mark.parametrize("wrong", wrong_manifests("api"), ids=lambda wrong: wrong.what)
def test_what_the_api_refuses_is_refused_here_too(wrong: Wrong) -> None:
    with pytest.raises(TiermeshError):
        parse(wrong.manifest)


@pytest.mark.parametrize("wrong", wrong_manifests("change"), ids=lambda wrong: wrong.what)
def test_what_may_not_change_in_a_cluster_is_a_document_like_any_other(wrong: Wrong) -> None:
    assert parse(wrong.before).key == parse(wrong.manifest).key


@pytest.mark.parametrize("wrong", wrong_manifests("condition"), ids=lambda wrong: wrong.what)
def test_what_the_api_cannot_refuse_the_control_plane_refuses_with_its_field_and_the_cure(wrong: Wrong) -> None:
    with pytest.raises(TiermeshError) as refused:
        compile(parsed(*wrong.beside, wrong.manifest))
    found: list[FieldError] = [one for one in refused.value.errors if one.field.endswith(wrong.field)]
    assert any(wrong.says in one.message for one in found), refused.value.errors
