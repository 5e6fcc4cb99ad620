"""Choosing how far a model may go from length alone, by what is known of the questions that will come. Pure."""

from routers.learning.evaluation import Judged
from routers.learning.fitting import FAR, NEAR, Penalty

FEW = 2000
"""Fewer questions than these do not tell what words mean: an embedding does, and of so few it is soon made."""


def near(data: Judged) -> Penalty:
    """For questions of the same kinds as these: their words tell what they are about."""
    if data.texts.vectors is None:
        return NEAR
    return Penalty(terms=False, embedding=1.0) if len(data.pairs) < FEW else Penalty(embedding=0.5)


def far(data: Judged) -> Penalty:
    """For questions of another origin, or of domains that are not among these. Neither words nor embeddings carry over
    to subjects of MMLU that are held out."""
    return FAR
