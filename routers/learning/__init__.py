"""Learning to route: from answers of two tiers to a model of what the heavy tier gains, with its evidence.

`python -m routers.learning` is `tiermesh router train` and `tiermesh router eval`. docs/complexity.md says what is
promised and measured. Only `features` and `gain` are needed to answer requests; the rest needs numpy.
"""
