"""Bytes to Call, Outcome to bytes; nothing else knows a wire format."""
