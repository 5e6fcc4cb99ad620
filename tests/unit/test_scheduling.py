import pytest

from tests.scheduling import TOGETHER, scope


@pytest.mark.parametrize("folder", TOGETHER)
def test_files_that_share_a_server_stay_in_one_process(folder: str) -> None:
    assert scope(f"{folder}test_a.py::test_one") == scope(f"{folder}deeper/test_b.py::test_two[x]")


def test_any_other_file_is_apart_from_its_neighbours_and_stays_whole() -> None:
    first, second, other = (
        scope(f"tests/unit/{rest}") for rest in ("test_a.py::one", "test_a.py::two", "test_b.py::a")
    )
    assert first == second != other
