"""Statistics: from sufficient statistics to verdicts. Pure numbers, no I/O, no documents.

`analyse.analyse(design, periods, seconds)` is the whole of it: a `Design` says what is asked of which arms, a `Period`
holds what was seen while the arms' shares stayed the same, as `Moments` and `Histogram`s. docs/statistics.md says what
is guaranteed.
"""
