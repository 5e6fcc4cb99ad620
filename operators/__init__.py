"""Kubernetes: custom resources become what runs, and what the control plane knows.

Kopf watches, `reconcile` decides (pure), lightkube writes. One process leads; others stand by.
"""
