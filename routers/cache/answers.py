"""Answers: when two of them are the same."""

import hashlib


def answer_number(answer: str) -> int:
    """The same for answers that are equal but for space."""
    return int.from_bytes(hashlib.sha256(" ".join(answer.split()).encode()).digest()[:8]) >> 1
