"""Handlers small enough to see whether a server adapter keeps the promises of `routers.http.Reply`."""

from routers.http import Headers, Reply, Request

PLAIN: Headers = b"content-type: text/plain\r\n"


def echo(request: Request, reply: Reply) -> None:
    """Answers whole, with what it saw of the request."""
    parts = [request.method, request.path.encode(), request.headers[b"x-word"], request.body]
    reply.send(201, PLAIN, b" ".join(parts))


def stream(request: Request, reply: Reply) -> None:
    """Streams the body's words."""
    reply.start(200, PLAIN)
    for word in request.body.split():
        reply.write(word)
    reply.end()


def cut(_request: Request, reply: Reply) -> None:
    """Breaks off after one piece."""
    reply.start(200, PLAIN)
    reply.write(b"half")
    reply.abort()


class Endless:
    """Streams one piece and then waits for the caller to leave."""

    def __init__(self) -> None:
        self.left = 0

    def __call__(self, _request: Request, reply: Reply) -> None:
        reply.on_disconnect = self._leave
        reply.start(200, PLAIN)
        reply.write(b"first")

    def _leave(self) -> None:
        self.left += 1
