"""Choosing how far a model may go from length alone, by what is known of the questions that will come. Pure."""

from dataclasses import replace

from routers.learning.evaluation import Judged
from routers.learning.fitting import CARRIED, LENGTH, NEAR, Penalty

FEW = 2000
"""Fewer questions than these do not tell what words mean: an embedding does, and of so few it is soon made."""


def near(data: Judged) -> Penalty:
    """For questions of the same kinds as these: their words tell what they are about."""
    if not _has_vectors(data):
        return NEAR
    return Penalty(terms=0.0, embedding=1.0) if len(data.pairs) < FEW else Penalty(ridge=20.0, embedding=0.7)


def carried(data: Judged) -> Penalty:
    """For questions from elsewhere."""
    return _with_vectors(CARRIED, data)


def new_domains(data: Judged) -> Penalty:
    """For questions of domains that are not among these: length alone. Measures, words and embeddings all do worse on
    subjects of MMLU that are held out, also where they are chosen by subjects held out of what is left."""
    return LENGTH


def _has_vectors(data: Judged) -> bool:
    return data.texts.vectors is not None


def _with_vectors(penalty: Penalty, data: Judged) -> Penalty:
    """Vectors are worth as much as measures are trusted."""
    return replace(penalty, embedding=penalty.measures / NEAR.measures) if _has_vectors(data) else penalty
