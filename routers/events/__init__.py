"""Events: what is measured of requests with arms and reported of them, kept on disk until it is counted."""
