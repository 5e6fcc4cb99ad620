"""A router's metrics: every name in one table, every label from a bounded set."""

from prometheus_client.parser import text_string_to_metric_families

from observability.metrics import NAMES, RouterMetrics

BOUNDED = {"route", "tier", "model", "cache", "status", "code", "le"}


def exposed(metrics: RouterMetrics) -> list[tuple[str, str, set[str]]]:
    """Name, help and label names of each family, without the library's own times of creation."""
    families = text_string_to_metric_families("".join(metrics.exposition()))
    return [
        (family.name, family.documentation, {label for sample in family.samples for label in sample.labels})
        for family in families
        if not family.name.endswith("_created")
    ]


def filled() -> RouterMetrics:
    metrics = RouterMetrics()
    metrics.request("shop", "light", "faq", "miss", 200, 0.01)
    metrics.refusal("invalid_json")
    return metrics


def test_every_name_is_exposed_with_its_description() -> None:
    described = {name: text for name, text, _ in exposed(filled())}
    assert described == {name.removesuffix("_total"): text for name, text in NAMES.items()}


def test_every_name_has_the_prefix() -> None:
    assert all(name.startswith("tiermesh_router_") for name in NAMES)


def test_no_label_has_an_unbounded_set_of_values() -> None:
    assert set().union(*(labels for _, _, labels in exposed(filled()))) == BOUNDED


def test_requests_are_counted_and_timed() -> None:
    metrics = filled()
    metrics.request("shop", "light", "faq", "miss", 200, 2)
    text = "".join(metrics.exposition())
    labels = 'cache="miss",model="faq",route="shop",status="200",tier="light"'
    assert f"tiermesh_router_requests_total{{{labels}}} 2.0\n" in text
    assert 'tiermesh_router_request_seconds_sum{cache="miss",route="shop",tier="light"} 2.01\n' in text


def test_two_routers_in_one_process_count_apart() -> None:
    filled()
    assert 'code="invalid_json"' not in "".join(RouterMetrics().exposition())
