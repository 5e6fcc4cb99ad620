"""Tenants: what they may say, and what becomes of it in a snapshot."""

from typing import Any

import pytest

from control_plane.spec.compile import compile
from control_plane.spec.documents import parse
from control_plane.spec.errors import TiermeshError
from control_plane.spec.snapshots import CompiledPrice, CompiledTenant, digest
from tests.unit.control_plane.samples import generating, model, parsed, route, shop, tenant

SHA = "0" * 64


def key(name: str = "a", sha256: str = SHA, **more: Any) -> dict[str, Any]:
    return {"name": name, "sha256": sha256, **more}


@pytest.mark.parametrize(
    ("spec", "field", "cure"),
    [
        ({"keys": [key(sha256="tm-secret")]}, "spec.keys[0].sha256", "match pattern"),
        ({"keys": [key(value="tm-secret")]}, "spec.keys[0]", "unknown field 'value'"),
        ({"keys": [key(), key(sha256="1" * 64)]}, "spec", "two keys have one name"),
        ({"keys": [key(expiresAt="2030-01-01T00:00:00")]}, "spec.keys[0].expiresAt", "timezone"),
        ({"routes": []}, "spec.routes", "at least 1 item"),
        ({"quotas": {"burst": 3}}, "spec.quotas", "burst needs requestsPerSecond"),
        ({"quotas": {"usdPerDay": 0}}, "spec.quotas.usdPerDay", "greater than 0"),
        ({"quotas": {"requestsPerSecond": float("inf")}}, "spec.quotas.requestsPerSecond", "finite number"),
        ({"quotas": {"tokensPerMinute": 1.5}}, "spec.quotas.tokensPerMinute", "integer"),
        ({"quota": {}}, "spec", "did you mean 'quotas'?"),
        ({"weight": 0}, "spec.weight", "greater than 0"),
    ],
)
def test_a_wrong_tenant_names_the_field_and_the_cure(spec: dict[str, Any], field: str, cure: str) -> None:
    with pytest.raises(TiermeshError) as raised:
        parse(tenant(**spec))
    (wrong,) = raised.value.errors
    assert wrong.field == field
    assert cure in wrong.message


def test_a_tenant_is_compiled_whole() -> None:
    spec: dict[str, Any] = {
        "keys": [key(expiresAt="2030-01-01T00:00:00Z")],
        "routes": ["shop"],
        "priority": 5,
        "weight": 2,
    }
    (compiled,) = compile(parsed(*shop(), tenant(**spec, quotas={"usdPerDay": 5, "hard": False}))).tenants
    assert compiled == CompiledTenant.model_validate({"name": "acme", **spec, "quotas": compiled.quotas})
    assert (compiled.quotas.usd_per_day, compiled.quotas.hard) == (5, False)


def test_a_route_that_a_tenant_names_must_exist() -> None:
    with pytest.raises(TiermeshError, match="'shpo'; did you mean 'shop'") as raised:
        compile(parsed(*shop(), tenant(routes=["shop", "shpo"])))
    assert [wrong.field for wrong in raised.value.errors] == ["Tenant/acme.spec.routes[1]"]


def test_two_tenants_cannot_have_one_key() -> None:
    with pytest.raises(TiermeshError, match="belongs to Tenant 'a' already"):
        compile(parsed(tenant("a", keys=[key()]), tenant("b", keys=[key("other")])))


def test_one_key_cannot_have_two_names() -> None:
    with pytest.raises(TiermeshError, match="belongs to Tenant 'a' already"):
        compile(parsed(tenant("a", keys=[key("old"), key("new")])))


def test_a_tenant_changes_the_snapshot_and_no_routes_revision() -> None:
    before, after = compile(parsed(*shop())), compile(parsed(*shop(), tenant()))
    assert digest(before) != digest(after)
    assert before.routes == after.routes


# Prices.


def price(**spec: Any) -> CompiledPrice:
    return {backend.name: backend.price for backend in compile(parsed(model(), generating(**spec))).backends}[
        "assistant"
    ]


def test_a_price_becomes_whole_picodollars() -> None:
    compiled = price(price={"inputUsdPerMillionTokens": 0.15, "outputUsdPerMillionTokens": 0.6})
    assert (compiled.input_picodollars_per_token, compiled.output_picodollars_per_token) == (150_000, 600_000)


def test_a_model_without_a_price_costs_nothing() -> None:
    assert price().input_picodollars_per_token == price().output_picodollars_per_token == 0


def test_a_model_that_runs_here_is_bounded_by_its_generation() -> None:
    plain = price(generation={"contextTokens": 1000, "outputTokens": 50})
    assert (plain.context_tokens, plain.output_tokens, plain.added_tokens) == (1000, 50, 0)
    assert price(generation={"contextTokens": 1000, "systemPrompt": "Be brief."}).added_tokens == 1000
    assert price(generation=None).context_tokens == 2048


def test_a_bound_that_would_be_ignored_is_refused() -> None:
    with pytest.raises(TiermeshError, match="say them in 'generation'"):
        price(price={"outputTokens": 5})


def test_a_price_changes_the_snapshot_but_no_answer() -> None:
    priced = generating(price={"inputUsdPerMillionTokens": 1})
    before, after = compile(parsed(*shop())), compile(parsed(model(), priced, route()))
    assert digest(before) != digest(after)
    assert before.routes == after.routes
