"""The control plane's metrics have the same house rules."""

from prometheus_client.parser import text_string_to_metric_families

from observability.control_plane_metrics import ControlPlaneMetrics


def test_every_metric_has_the_prefix_and_bounded_labels() -> None:
    metrics = ControlPlaneMetrics()
    metrics.requests.labels("GET", "/v1/models/{name}", "200").inc()
    metrics.request_seconds.labels("/v1/models/{name}").observe(0.1)
    metrics.acks.labels("served").inc()
    families = list(text_string_to_metric_families(metrics.render().decode()))
    assert all(family.name.startswith("tiermesh_control_plane_") and family.documentation for family in families)
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    assert labels == {"method", "path", "status", "outcome", "le"}
