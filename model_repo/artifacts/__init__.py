"""Weights from elsewhere: fetched, checked, looked through for code, and in place whole or not at all."""
