"""What was made of the same objects is not made again, and what nobody asks for is forgotten."""

import gc
import weakref

from control_plane.spec.memory import Memory


class _Value:
    """Something that is told apart by identity."""


def test_a_function_is_called_once_for_the_same_objects() -> None:
    memory, made = Memory(), list[object]()
    one, other = _Value(), _Value()
    for _ in range(3):
        for value in (one, other):
            memory(made.append, value)
        memory.keep()
    assert made == [one, other]


def test_two_functions_do_not_share_what_they_made() -> None:
    memory, one = Memory(), (1, 2)
    assert (memory(len, one), memory(sum, one), memory(len, one)) == (2, 3, 2)


def test_nothing_that_is_false_is_made_twice() -> None:
    memory, made, value = Memory(), list[object](), _Value()
    assert [memory(made.append, value), memory(made.append, value)] == [None, None]
    assert made == [value]


def test_what_a_round_did_not_ask_for_is_let_go() -> None:
    memory, value = Memory(), _Value()
    gone = weakref.ref(value)
    memory(id, value)
    memory.keep()
    memory.keep()
    del value
    gc.collect()
    assert gone() is None


def test_a_round_that_comes_to_nothing_leaves_what_was_known() -> None:
    memory, made, kept, passing = Memory(), list[object](), _Value(), _Value()
    memory(made.append, kept)
    memory.keep()
    memory(made.append, passing)
    memory.drop()
    memory(made.append, kept)
    memory(made.append, passing)
    assert made == [kept, passing, passing]
