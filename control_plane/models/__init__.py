"""Models: the only door to MLflow's model registry, and what has to be shown before a version is served."""
