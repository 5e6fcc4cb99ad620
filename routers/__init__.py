"""The data plane: stateless but for caches."""
