"""Framing: what a request on the wire must be beyond what the parser checks, and the words for what it is not. Pure.

The parser (llhttp, in its strict mode) refuses what could be read in two ways: two lengths, a length beside chunks,
line ends without CR, folded headers, blanks before a colon. What it lets pass and this router does not is here.
Rules: https://www.rfc-editor.org/rfc/rfc9112
"""

from collections.abc import Mapping

from control_plane.spec.errors import Code, TiermeshError

HEADER_OVERHEAD_BYTES = 32
"""Counted for each header beside its characters, as HTTP/2 does: many empty ones fill the memory too."""
VERSIONS = ("1.1", "1.0")
ONCE = frozenset({b"host", b"authorization", b"x-api-key", b"content-encoding", b"transfer-encoding",
                  b"inference-header-content-length"})  # fmt: skip
"""Headers that stand once: of two, a proxy in front might believe the one and this router the other."""

_OFFER = (b"upgrade", b"expect")
"""Headers of a request that is parsed again without its offer; what it expected it has been told."""


def is_chunked(coding: bytes, version: str) -> bool:
    """Whether a Transfer-Encoding is the one that is understood. HTTP/1.0 has none: who sends it there has passed it
    on without a look."""
    return coding.lower() == b"chunked" and version == "1.1"


def path_of(target: bytes) -> bytes:
    """The path of a target without its query, also where it is a whole URL, as for a proxy."""
    path = target.partition(b"?")[0]
    if path[:1] == b"/":
        return path
    _, is_url, rest = path.partition(b"://")
    return b"/" + rest.partition(b"/")[2] if is_url else path


def without_offer(method: bytes, target: bytes, version: str, headers: Mapping[bytes, bytes]) -> bytes:
    """A request's head, written again without its offer of another protocol."""
    lines = [b"%b: %b\r\n" % header for header in headers.items() if header[0] not in _OFFER]
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, target, version.encode(), b"".join(lines))


def bad_http(message: str, hint: str) -> TiermeshError:
    """The error for a request that is no plain HTTP/1.1."""
    return TiermeshError(Code.INVALID_REQUEST, message, hint)


def stands_twice(name: bytes) -> TiermeshError:
    """The error for a header of `ONCE` that comes again."""
    return bad_http(f"The header {name.decode('latin-1')} stands twice.", "Send it once.")


def headers_too_large(limit: int) -> TiermeshError:
    """The error for a head beyond its limit."""
    message = f"The request line and headers are larger than {limit} bytes."
    return TiermeshError(Code.HEADERS_TOO_LARGE, message, "Send fewer or shorter headers.")


def body_too_large(limit: int) -> TiermeshError:
    """The error for a body beyond its limit."""
    message = f"The body is larger than {limit} bytes."
    return TiermeshError(Code.BODY_TOO_LARGE, message, "Send less, or raise TIERMESH_ROUTER_MAX_BODY_BYTES.")
