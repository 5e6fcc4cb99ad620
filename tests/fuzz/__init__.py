"""Every decoder against whoever means ill: valid input, mutated in structure and in bytes, for as long as asked.

`python -m tests.fuzz` runs for minutes; `test_fuzz` runs a few hundred examples of each, always the same ones.
"""
