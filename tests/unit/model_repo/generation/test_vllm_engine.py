import pytest

from model_repo.generation import vllm_engine
from tests.unit.model_repo.samples import model


@pytest.mark.parametrize(("cpus", "one_process"), [(1, True), (2, True), (3, False), (64, False)])
def test_worker_and_engine_share_a_process_where_the_worker_has_one_thread(cpus: int, one_process: bool) -> None:
    found = vllm_engine.environment(model().spec, cpus)
    assert found["VLLM_TARGET_DEVICE"] == "cpu"
    assert (found.get("VLLM_ENABLE_V1_MULTIPROCESSING") == "0") is one_process
    assert (found.get("OMP_NUM_THREADS") == "1") is one_process


def test_workers_of_a_model_that_is_split_have_processes_of_their_own() -> None:
    split = model(generation={"tensorParallel": 2}).spec
    assert vllm_engine.environment(split, 2) == {"VLLM_TARGET_DEVICE": "cpu"}


def test_a_model_on_gpus_is_left_to_vllm() -> None:
    assert vllm_engine.environment(model(resources={"gpus": 1}).spec, 2) == {}
