"""Evaluation: questions with expectations, how answers are judged, and whether a version may be served."""
