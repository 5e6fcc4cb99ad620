"""Prompts: the only door to MLflow's prompt registry."""
