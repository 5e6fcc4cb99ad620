"""Which entry a question means.

Raw cosines of this encoder lie between .75 and .95 whatever is asked, and Chinese ones lie higher than English ones. So
every vector is first seen from the middle of all known questions of its language; what is left is what a question asks
rather than that it is a shop's question in Chinese. An entry is then as near as the mean of two cosines: to its nearest
known question, which favours what has been asked before, and to the middle of all its questions, which favours
what the entry is about.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model_repo.faq import languages
from model_repo.faq.encoder import Vectors
from model_repo.faq.knowledge import Entry

_MIDDLE_ENTRIES = 5
"""A language with fewer entries has no middle worth the name, and is seen from that of all languages."""


@dataclass(frozen=True, slots=True)
class Match:
    """An entry and how near the question is to it, from 0 to 1."""

    entry: Entry
    confidence: float


class Index:
    """The known questions as unit vectors around the middle of their language. Needs at least two entries."""

    def __init__(
        self,
        entries: Sequence[Entry],
        embed: Callable[[Sequence[str]], Vectors],
        embed_known: Callable[[Sequence[str]], Vectors] | None = None,
    ) -> None:
        """`embed_known` embeds the known questions, once; by default `embed` does that too."""
        asked = [
            (row, language, question)
            for row, entry in enumerate(entries)
            for language, wording in entry.wordings.items()
            for question in wording.questions
        ]
        vectors = (embed_known or embed)([question for _, _, question in asked])
        spoken = np.array([language for _, language, _ in asked])
        self._embed = embed
        self._entries = tuple(entries)
        worded = Counter(language for entry in entries for language in entry.wordings)
        self._middles = {
            language: vectors[spoken == language].mean(axis=0)
            for language, count in worded.items()
            if count >= _MIDDLE_ENTRIES
        }
        self._middle = vectors.mean(axis=0)
        self._questions = _unit(vectors - np.stack([self._middles.get(language, self._middle) for language in spoken]))
        rows = np.array([row for row, _, _ in asked])
        self._starts = np.flatnonzero(np.diff(rows, prepend=-1))
        self._centres = _unit(np.add.reduceat(self._questions, self._starts))

    def search(self, questions: Sequence[str], count: int = 1) -> list[list[Match]]:
        """For each question the `count` nearest entries, nearest first."""
        middles = [self._middles.get(languages.of(question), self._middle) for question in questions]
        vectors = _unit(self._embed(questions) - np.stack(middles))
        nearest = np.maximum.reduceat(vectors @ self._questions.T, self._starts, axis=1)
        confidences = np.clip((nearest + vectors @ self._centres.T) / 2, 0, 1)
        best = np.argsort(-confidences, axis=1, kind="stable")[:, :count]
        return [
            [Match(self._entries[entry], float(row[entry])) for entry in chosen]
            for row, chosen in zip(confidences, best, strict=True)
        ]


def _unit(vectors: Vectors) -> Vectors:
    """Rows of length one; a row of zeros, which points nowhere, stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(lengths, 1e-9)
    return unit
