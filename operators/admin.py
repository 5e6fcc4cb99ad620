"""The admin port: probes and metrics."""

from collections.abc import Callable

from aiohttp import web

from control_plane.spec.errors import Code, TiermeshError
from observability.operator_metrics import OperatorMetrics


class Admin:
    """/livez, /readyz and /metrics."""

    def __init__(self, metrics: OperatorMetrics, refresh: Callable[[], None]) -> None:
        """`refresh` brings the metrics up to date before they are read."""
        self._metrics = metrics
        self._refresh = refresh
        self._runner: web.AppRunner | None = None
        self.state = "starting"
        """`leads`, `stands by`, or why it is not ready: `starting`, `ending`."""

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port. Raises TiermeshError(SETUP) where it cannot."""
        app = web.Application()
        app.add_routes(
            [web.get("/livez", self._livez), web.get("/readyz", self._readyz), web.get("/metrics", self._render)]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self.stop()
            message = f"Port {port} on {host} cannot be used: {error.strerror}."
            hint = "Stop what listens there, or set TIERMESH_OPERATOR_ADMIN_PORT to a free port."
            raise TiermeshError(Code.SETUP, message, hint) from error
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")  # that it answers says that the event loop is alive

    async def _readyz(self, _request: web.Request) -> web.Response:
        """Who stands by is ready too: a rolling update would wait for it for ever."""
        ready = self.state in ("leads", "stands by")
        return web.Response(text=f"{'ok' if ready else 'not ready'}\n{self.state}\n", status=200 if ready else 503)

    async def _render(self, _request: web.Request) -> web.Response:
        self._refresh()
        body = self._metrics.render()
        return web.Response(body=body, headers={"content-type": "text/plain; version=0.0.4; charset=utf-8"})
