"""The operator's metrics: every name, one table."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30)


class OperatorMetrics:
    """One registry a process; labels are kinds and closed lists, never names."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.reconciles = Counter(
            "tiermesh_operator_reconciles",
            "Looks at custom resources: unchanged, written (to the cluster), or failed.",
            ("kind", "outcome"),
            registry=self._registry,
        )
        self.reconcile_seconds = Histogram(
            "tiermesh_operator_reconcile_seconds",
            "Seconds that a look took, with what it wrote.",
            ("kind",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.api_calls = Gauge(
            "tiermesh_operator_api_calls",
            "Requests to the Kubernetes API since the start, watches left out.",
            registry=self._registry,
        )
        self.events = Counter(
            "tiermesh_operator_events",
            "Kubernetes Events: written, repeated (and not written again), dropped because there were too many.",
            ("outcome",),
            registry=self._registry,
        )
        self.leader = Gauge("tiermesh_operator_leader", "1 where this operator leads, else 0.", registry=self._registry)
        self.resources = Gauge("tiermesh_operator_resources", "Custom resources known.", registry=self._registry)
        self.unready = Gauge("tiermesh_operator_unready", "Those that are not Ready.", registry=self._registry)
        self.queued = Gauge("tiermesh_operator_queued", "Those that wait to be looked at.", registry=self._registry)
        self.unsaid = Gauge(
            "tiermesh_operator_unsaid", "Documents that the control plane has not heard yet.", registry=self._registry
        )
        self.control_plane_up = Gauge(
            "tiermesh_operator_control_plane_up",
            "1 while the control plane answers, 0 while it does not.",
            registry=self._registry,
        )

    def render(self) -> bytes:
        """The exposition format of Prometheus, as text."""
        return generate_latest(self._registry)
