"""Questions that the cache's benchmark asks again about somebody else."""

from benchmarks.harness.renaming import Renamed, renamed

TEXTS = [
    "what is the weather in paris",
    "call mary",
    "call mary from paris",
    "cancel the dance in paris's hall",
    "no name",
]


def test_one_name_is_put_in_the_place_of_another_of_its_kind() -> None:
    weather, call, hall = renamed(TEXTS, seed=0)
    assert weather.text == f"what is the weather in {weather.name}"
    assert weather.name not in {"paris", "mary", "john"}
    assert call.text == f"call {call.name}"
    assert call.name not in {"mary", "paris", "london"}
    assert hall.text == f"cancel the dance in {hall.name}'s hall"


def test_the_same_seed_puts_the_same_names() -> None:
    assert list(renamed(TEXTS * 5, seed=1)) == list(renamed(TEXTS * 5, seed=1))
    assert list(renamed(TEXTS * 5, seed=1)) != list(renamed(TEXTS * 5, seed=2))


def test_an_entry_is_of_a_name_where_it_stands_as_a_word() -> None:
    asked = Renamed("call dan", "dan")
    assert asked.is_of("text dan's mother")
    assert not asked.is_of("any danger")
