"""Gates: whether a version has shown what a Model asks of it, with exactly its weights and these questions."""

from collections.abc import Callable
from pathlib import Path

from control_plane.evaluation import questions
from control_plane.evaluation.questions import MOST_BYTES, Questions
from control_plane.evaluation.verdict import named, shortfalls
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.gates import Gate
from control_plane.spec.versions import Evaluation, ModelVersion

Reader = Callable[[str], Questions]
"""The questions of an evaluation file's URI. Raises TiermeshError where it cannot be read."""


def read(uri: str) -> Questions:
    """The questions of a file on this machine.

    Raises TiermeshError: UNAVAILABLE where it cannot be read, INVALID_REQUEST where it holds no questions.
    """
    path = Path(uri.removeprefix("file://"))
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise TiermeshError(
            Code.UNAVAILABLE,
            f"The evaluation {uri} cannot be read by the control plane ({type(error).__name__}).",
            "Put the file where the control plane runs, or name it by URL and sha256.",
        ) from error
    return questions.read(content, path.name)


def check(version: ModelVersion, gate: Gate, reader: Reader = read) -> None:
    """Raises TiermeshError(CONFLICT) that names what the version lacks and the questions it failed.

    A result counts for the weights and the questions that it was made with, and for no others: a changed file closes
    the gate.
    """
    asked = reader(gate.evaluation) if gate.evaluation.startswith("file://") else None
    if asked is not None and gate.sha256 not in (None, asked.sha256):
        message = f"The evaluation {gate.evaluation} has sha256 {asked.sha256}, and its gate says {gate.sha256}."
        raise TiermeshError(Code.CONFLICT, message, "Correct gate.sha256 if the change is meant.")
    sha256 = asked.sha256 if asked else gate.sha256
    found = next((each for each in version.evaluations if _counts(each, version, sha256, asked)), None)
    what = f"Version {version.version} of {version.name!r}"
    how = f"tiermesh model evaluate {version.name} {version.version} --against URL"
    if found is None:
        message = f"{what} has not been evaluated on {gate.evaluation} as it is now (sha256 {(sha256 or '')[:12]}…)."
        raise TiermeshError(Code.CONFLICT, message, f"Run '{how}'.")
    if lacks := shortfalls(found, gate.thresholds):
        failing = named(found)
        message = f"{what} has not passed {gate.evaluation}: {'; '.join(lacks)}."
        said = f" It failed: {failing}." if failing else ""
        errors = tuple(FieldError(failure.id, failure.why) for failure in found.failures)
        hint = f"'tiermesh model describe {version.name}' shows why."
        raise TiermeshError(Code.CONFLICT, message + said, hint, errors=errors)


def _counts(found: Evaluation, version: ModelVersion, sha256: str | None, asked: Questions | None) -> bool:
    whole = asked is None or found.all.asked == len(asked.items)
    return found.sha256 == version.sha256 and found.evaluation == sha256 and whole
