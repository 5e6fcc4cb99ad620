"""Questions and results that several tests use."""

from typing import Any

from control_plane.evaluation.questions import Question
from control_plane.spec.versions import Result

SHA256 = "ab" * 32
FILE = """
- id: capital
  ask: What is the capital of France?
  tags: [geography]
  expect: {regex: '(?i)\\bparis\\b'}
- id: sum
  ask: What is 2 + 2? Answer with the number alone.
  expect: {exact: "4"}
"""


def question(identity: str = "capital", tags: tuple[str, ...] = (), **expect: Any) -> Question:
    """A question; by default one that expects Paris."""
    said = {"id": identity, "ask": "What is the capital of France?", "tags": tags}
    return Question.model_validate({**said, "expect": expect or {"exact": "Paris"}})


def result(passed: int = 10, asked: int = 10, evaluation: str = SHA256, **more: Any) -> Result:
    """A result without tags, which names each question that failed."""
    failures = [{"id": f"q{number}", "why": "is not Paris"} for number in range(asked - passed)]
    counted = {"passed": passed, "asked": asked}
    said = {"sha256": SHA256, "evaluation": evaluation, "against": "http://x.test/v1", "all": counted}
    return Result.model_validate({**said, "failures": failures, **more})
