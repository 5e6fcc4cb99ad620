"""What the semantic cache would do with questions whose right answers are known: `tiermesh cache eval`."""
