"""Verdicts: pure numbers, no I/O. Empty until experiments come."""
