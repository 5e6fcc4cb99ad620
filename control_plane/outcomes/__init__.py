"""Outcomes: what routers measure and callers report, counted once, as sums that an analysis reads at once."""
