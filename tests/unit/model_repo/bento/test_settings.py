from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from model_repo.bento.settings import BentoSettings
from tests.unit.model_repo.samples import SHOP


def test_by_default_it_is_the_shops_light_model() -> None:
    assert BentoSettings.load().chosen().metadata.name == "faq"


@pytest.mark.parametrize("name", ["assistant", "nobody"])
def test_a_model_that_is_no_faq_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(TiermeshError, match=f"TIERMESH_BENTO_MODEL={name} names no Model.*There are: faq"):
        BentoSettings.load(documents=SHOP, model=name).chosen()


def test_documents_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match=r"gone\.yaml"):
        BentoSettings.load(documents=tmp_path / "gone.yaml").chosen()
