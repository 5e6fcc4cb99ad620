"""Registrations, results and documents that several tests use."""

from pathlib import Path
from typing import Any

from control_plane.spec.versions import Evaluation, Registration
from tests.unit.control_plane.evaluation.samples import FILE, result

AT = "2026-11-22T12:00:00Z"


def registration(number: int = 1, **more: Any) -> Registration:
    """Weights that differ by a number."""
    said = {"source": f"https://x.test/{number}.tar", "sha256": f"{number:064x}", **more}
    return Registration.model_validate(said)


def evaluation(sha256: str, file: str, passed: int = 2, asked: int = 2) -> Evaluation:
    """How weights did on a file."""
    said = result(passed, asked, evaluation=file, sha256=sha256).model_dump()
    return Evaluation.model_validate({**said, "by": "ann", "at": AT}, by_name=True, by_alias=True)


def questions(folder: Path) -> Path:
    """An evaluation file of two questions."""
    file = folder / "questions.yaml"
    file.write_text(FILE, encoding="utf-8")
    return file
