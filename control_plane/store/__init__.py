"""Append-only documents and snapshots."""
