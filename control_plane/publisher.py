"""Placeholder replaced by the control plane's first commit."""
