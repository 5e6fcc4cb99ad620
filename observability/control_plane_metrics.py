"""The control plane's metrics: every name, one table."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60)


class ControlPlaneMetrics:
    """One registry a process; the routes' templates, never their values, are labels."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "tiermesh_control_plane_requests",
            "Requests to the API.",
            ("method", "path", "status"),
            registry=self._registry,
        )
        self.request_seconds = Histogram(
            "tiermesh_control_plane_request_seconds",
            "Seconds from a request's arrival to its answer; a long-poll's wait is part of it.",
            ("path",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.snapshot = Gauge(
            "tiermesh_control_plane_snapshot", "Number of the snapshot in force.", registry=self._registry
        )
        self.leader = Gauge(
            "tiermesh_control_plane_leader",
            "1 where this control plane leads those that share its database, else 0.",
            registry=self._registry,
        )
        self.waiters = Gauge(
            "tiermesh_control_plane_waiters", "Requests that wait for a snapshot.", registry=self._registry
        )
        self.acks = Counter(
            "tiermesh_control_plane_acks",
            "Acknowledgements by routers: served or refused.",
            ("outcome",),
            registry=self._registry,
        )
        self.events = Counter(
            "tiermesh_control_plane_events",
            "Events of routers and callers: counted; repeated (and not counted again); refused; lost by their router.",
            ("outcome",),
            registry=self._registry,
        )
        self.contract_loss = Gauge(
            "tiermesh_control_plane_contract_loss",
            "Quality that a request of a route loses, as far as reports show, where it has a contract.",
            ("route",),
            registry=self._registry,
        )
        self.contract_broken = Gauge(
            "tiermesh_control_plane_contract_broken",
            "1 where reports show that the contract of a route is not kept, else 0.",
            ("route",),
            registry=self._registry,
        )
        self.sink_up = Gauge(
            "tiermesh_control_plane_sink_up",
            "1 while Kafka takes events, 0 while it does not, where this control plane hands them on.",
            registry=self._registry,
        )

    def render(self) -> bytes:
        """The exposition format of Prometheus, as text."""
        return generate_latest(self._registry)
