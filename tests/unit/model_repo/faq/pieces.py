"""A vocabulary as small as one can be."""

from model_repo.faq import tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz?:"
PIECES = (
    *((mark, 0.0) for mark in (tokenizer.START, tokenizer.PAD, tokenizer.END, tokenizer.UNKNOWN)),
    ("\u2581", -3.0),
    *((letter, -4.0) for letter in LETTERS),
    ("\u2581pay", -5.0),
    ("～", -5.0),
)
