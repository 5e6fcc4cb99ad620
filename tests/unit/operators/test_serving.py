"""Which versions of the registry are served is the control plane's to say, reference by reference."""

from control_plane.spec.documents import Model, parse
from operators.serving import Served
from tests.unit.control_plane.samples import generating


def _model(source: str, *adapters: str, **more: str) -> Model:
    named = [{"name": f"a{number}", "source": one} for number, one in enumerate(adapters)]
    found = parse(generating(source=source, adapters=named, **more))
    assert isinstance(found, Model)
    return found


def test_a_model_without_references_is_served_as_it_is_written() -> None:
    one = _model("hf://org/name", sha256="0" * 64)
    assert Served().resolved(one) == one


def test_each_reference_has_its_version_and_what_was_changed_since_is_kept() -> None:
    said = Served.of([_model("hf://org/old", "hf://org/legal", version="3")])
    written = _model("models:/big@live", "models:/legal@live", servedName="new")
    found = said.resolved(written)
    assert found is not None
    assert (found.spec.source, found.spec.version, found.spec.served_name) == ("hf://org/old", "3", "new")
    assert [one.source for one in found.spec.adapters] == ["hf://org/legal"]


def test_nothing_is_served_of_which_the_control_plane_has_not_said_the_version() -> None:
    said = Served.of([_model("models:/big@live")])
    assert said.resolved(_model("models:/big@live")) is None
    assert Served.of([_model("hf://org/old")]).resolved(_model("models:/big@live", "models:/legal@live")) is None
    assert Served().resolved(_model("models:/big@live")) is None
