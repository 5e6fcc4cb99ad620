"""Decides and records: documents in, snapshots out."""
