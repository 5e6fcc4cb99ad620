"""Kubernetes: handlers, render, apply, status. Empty until custom resources come."""
