"""Simulated experiments: many at once, seeded, judged by the functions that judge real ones."""
