"""HTTP/2 as a gRPC server needs it (RFC 9113), over one asyncio Protocol and no threads."""
