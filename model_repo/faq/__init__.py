"""The light model: a shop's frequent questions, matched by meaning; it answers only when it is sure."""
