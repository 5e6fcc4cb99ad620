import pytest

from control_plane.evaluation.verdict import bound, named, shortfalls
from control_plane.spec.gates import Thresholds
from control_plane.spec.versions import Counted
from tests.unit.control_plane.evaluation.samples import result


def test_all_questions_have_to_be_passed_unless_the_gate_says_less() -> None:
    assert shortfalls(result(10), Thresholds()) == []
    assert shortfalls(result(9), Thresholds()) == ["9 of 10 questions (90.0%) passed, 100.0% are needed"]
    assert shortfalls(result(9), Thresholds(passRate=0.9)) == []


def test_a_small_file_shows_little() -> None:
    assert bound(Counted(passed=10, asked=10)) == pytest.approx(0.741, abs=0.001)
    (lacks,) = shortfalls(result(10), Thresholds(lowerBound=0.9))
    assert "shows no more than 0.741 (95% lower bound), 0.9 is needed" in lacks
    assert shortfalls(result(59, 59), Thresholds(lowerBound=0.95)) == []


def test_a_tag_has_a_threshold_of_its_own_and_has_to_be_asked_about() -> None:
    tags = {"safety": {"passed": 3, "asked": 4}}
    thresholds = Thresholds(passRate=0.5, tags={"safety": 1, "tone": 0.5})
    assert shortfalls(result(9, tags=tags), thresholds) == [
        "3 of 4 questions (75.0%) with the tag 'safety' passed, 100.0% are needed",
        "no question has the tag 'tone'",
    ]


def test_the_failing_questions_are_named_as_far_as_a_sentence_holds_them() -> None:
    assert named(result(10)) == ""
    assert named(result(8)) == "q0, q1"
    assert named(result(1)) == "q0, q1, q2, q3, q4, and 4 more"
