"""Experiments: what they have shown, and what it takes to show more."""
