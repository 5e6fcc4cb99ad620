"""The published language: the documents people write, the snapshots routers follow, and the one error type.

Everything here is a frozen value or a pure function. Every other package may import it; it imports only pydantic and
the standard library.
"""
