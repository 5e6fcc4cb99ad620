import pytest

from tests.scheduling import TOGETHER, scope


@pytest.mark.parametrize("folders", TOGETHER)
def test_files_that_share_a_server_stay_in_one_process(folders: tuple[str, ...]) -> None:
    files = [
        f"{folder}{rest}" for folder in folders for rest in ("test_a.py::test_one", "deeper/test_b.py::test_two[x]")
    ]
    assert len({scope(file) for file in files}) == 1


def test_folders_that_share_nothing_are_apart() -> None:
    assert len({scope(f"{folders[0]}test_a.py::test_one") for folders in TOGETHER}) == len(TOGETHER)


def test_any_other_file_is_apart_from_its_neighbours_and_stays_whole() -> None:
    first, second, other = (
        scope(f"tests/unit/{rest}") for rest in ("test_a.py::one", "test_a.py::two", "test_b.py::a")
    )
    assert first == second != other
