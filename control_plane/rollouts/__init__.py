"""Rollouts: careful changes, carried out step by step and taken back once they do harm."""
