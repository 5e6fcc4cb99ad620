"""Warming: requests that fill a cache before callers come."""

WARMING = "warm-"
"""What their `x-request-id` begins with. They are answered and kept like any other, and nothing is learned from them: a
file of questions is no fair sample of what callers ask."""
