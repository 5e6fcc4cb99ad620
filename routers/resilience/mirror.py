"""Mirroring: which requests a shadow Model sees too."""

import hashlib

from control_plane.spec import resilience

_HASHES = 1 << 64


class Shadow:
    """Draws a Route's sample and bounds the copies under way."""

    __slots__ = ("__weakref__", "_below", "_limit", "_salt", "under_way")

    def __init__(self, policy: resilience.Mirror) -> None:
        self._salt = hashlib.blake2b(policy.salt.encode() + b"\0", digest_size=8)
        self._below = int(policy.share * _HASHES)
        self._limit = policy.max_concurrent
        self.under_way = 0

    def draws(self, request_id: str) -> bool:
        """Whether this request is in the sample: the same answer on every router, by the id and the salt alone."""
        salted = self._salt.copy()
        salted.update(request_id.encode())
        return int.from_bytes(salted.digest()) < self._below

    def enter(self) -> bool:
        """Take a place for one copy, if one is free. Ends in a `leave`."""
        if self.under_way >= self._limit:
            return False
        self.under_way += 1
        return True

    def leave(self) -> None:
        """A copy is done."""
        self.under_way -= 1
