"""The other ends of `benchmarks.protocols`: a bare echo, a Model that takes tensors, and the load."""
