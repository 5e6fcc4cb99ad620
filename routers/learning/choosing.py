"""Choosing how far a model may go from length alone, by what is known of the questions that will come. Pure."""

from dataclasses import replace

from routers.learning import curves, folds
from routers.learning.curves import Block
from routers.learning.evaluation import Judged
from routers.learning.fitting import CARRIED, LENGTH, NEAR, Penalty, estimates, fit

FEW = 2000
"""Fewer questions than these do not tell what words mean: an embedding does, and of so few it is soon made."""
MARGIN = 0.025
"""Of APGR, that a model must be better than length by: less may be chance (two standard errors of 5,000 questions)."""
_INNER_SEED = 1
_FREE = Penalty(measures=0.1, terms=0.0)


def near(data: Judged) -> Penalty:
    """For questions of the same kinds as these: their words tell what they are about."""
    if not _has_vectors(data):
        return NEAR
    return Penalty(terms=0.0, embedding=1.0) if len(data.pairs) < FEW else Penalty(ridge=20.0, embedding=0.7)


def carried(data: Judged) -> Penalty:
    """For questions from elsewhere."""
    return _with_vectors(CARRIED, data)


def new_domains(data: Judged) -> Penalty:
    """For questions of domains that are not among these: what is best on domains that are held out of these, and the
    line through length where nothing beats it, or there are too few to tell."""
    groups = data.pairs.domains
    if groups is None or len(set(groups)) < folds.FOLDS:
        return LENGTH
    best, chosen = _held_out(data, LENGTH) + MARGIN, LENGTH
    for penalty in (CARRIED, _FREE, *(_with_vectors(each, data) for each in (CARRIED, _FREE) if _has_vectors(data))):
        if (found := _held_out(data, penalty)) > best:
            best, chosen = found, penalty
    return chosen


def _held_out(data: Judged, penalty: Penalty) -> float:
    """APGR on domains that were not fitted to."""
    blocks = []
    for fitted, judged in folds.split(len(data.pairs), data.pairs.domains, _INNER_SEED):
        part, rest = data.take(fitted), data.take(judged)
        model = fit(part.texts, part.pairs.gains, penalty)
        blocks.append(Block(estimates(model, rest.texts), rest.pairs.gains))
    return curves.area(curves.curve(blocks))


def _has_vectors(data: Judged) -> bool:
    return data.texts.vectors is not None


def _with_vectors(penalty: Penalty, data: Judged) -> Penalty:
    """Vectors are worth as much as measures are trusted."""
    return replace(penalty, embedding=penalty.measures / NEAR.measures) if _has_vectors(data) else penalty
