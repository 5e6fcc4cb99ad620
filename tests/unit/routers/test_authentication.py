"""Who calls is known by its key alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from control_plane.spec.documents import Tenant as TenantDocument
from control_plane.spec.errors import Code, TiermeshError
from routers.authentication import Keys
from routers.runtime import Runtime
from tests.unit.routers.mesh import Mesh, code_of, mesh
from tests.unit.routers.samples import model, route, snapshot
from tests.unit.routers.tenants import authorized, key, tenant

SECRET = "tm-nobody-has-this"


def keys(*tenants: Any) -> Keys:
    """Of a runtime with these Tenants."""
    found = Runtime.build(snapshot([model("light"), route(heavy=[]), *tenants])).keys
    assert found is not None
    return found


def expiring(at: datetime) -> TenantDocument:
    document = tenant("acme")
    assert isinstance(document, TenantDocument)
    (only,) = document.spec.keys
    ending = only.model_copy(update={"expires_at": at})
    return document.model_copy(update={"spec": document.spec.model_copy(update={"keys": (ending,)})})


@pytest.mark.parametrize(
    "headers",
    [
        {b"authorization": b"Bearer tm-acme-key"},
        {b"authorization": b"bearer  tm-acme-key "},
        {b"x-api-key": b"tm-acme-key"},
        {b"x-api-key": b"tm-acme-key", b"authorization": b"Basic abc"},
    ],
)
def test_a_key_names_its_tenant_by_either_header(headers: dict[bytes, bytes]) -> None:
    assert keys(tenant("acme"), tenant("other")).tenant(headers).name == "acme"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"authorization": b""},
        {b"authorization": b"Bearer "},
        {b"authorization": b"Bearer " + SECRET.encode()},
        {b"authorization": b"tm-acme-key"},
        {b"authorization": b"Bearer " + SECRET.encode(), b"x-api-key": b"tm-acme-key"},
        {b"x-api-key": b"\xff\xfe"},
        {b"x-tiermesh-tenant": b"acme"},
    ],
)
def test_without_a_known_key_nobody_is_anybody(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(TiermeshError) as caught:
        keys(tenant("acme")).tenant(headers)
    assert (caught.value.code, caught.value.status) == (Code.INVALID_API_KEY, 401)
    assert SECRET not in str(caught.value)


def test_a_key_ends_when_it_says() -> None:
    now = datetime.now(UTC)
    headers = {b"x-api-key": key("acme").encode()}
    assert keys(expiring(now + timedelta(hours=1))).tenant(headers).name == "acme"
    with pytest.raises(TiermeshError, match="has expired"):
        keys(expiring(now - timedelta(seconds=1))).tenant(headers)


# The whole router.


async def asked(whole: Mesh, **headers: str) -> tuple[int, str]:
    """Status of a question, and its code or text."""
    response = await whole.chat(headers=headers)
    said = "" if response.status_code == 200 else code_of(response)
    return response.status_code, said


async def test_without_tenants_the_mesh_is_open_and_with_one_it_is_closed() -> None:
    async with mesh() as whole:
        assert (await asked(whole))[0] == 200
        assert whole.logged()[-1]["tenant"] == "default"
        whole.put_in_force([*whole.documents(), tenant("acme")], 2)
        assert await asked(whole) == (401, "invalid_api_key")
        assert await asked(whole, authorization=f"Bearer {SECRET}") == (401, "invalid_api_key")
        models = await whole.http.get("/v1/models")
        assert (models.status_code, code_of(models)) == (401, "invalid_api_key")
        assert (await asked(whole, **authorized("acme")))[0] == 200
        assert whole.logged()[-1]["tenant"] == "acme"
        assert (await whole.http.get("/v1/models", headers=authorized("acme"))).status_code == 200


async def test_a_key_is_in_no_log_and_goes_to_no_model() -> None:
    async with mesh() as whole:
        whole.put_in_force([*whole.documents(), tenant("acme")], 2)
        await asked(whole, **authorized("acme"))
        await asked(whole, authorization=f"Bearer {SECRET}")
        sent = await whole.light.received()
        whole.ledger.flush()
        for text in (repr(sent), repr(whole.lines), "".join(whole.metrics.exposition())):
            assert key("acme") not in text
            assert SECRET not in text


async def test_what_a_caller_says_of_itself_is_ignored() -> None:
    async with mesh() as whole:
        whole.put_in_force([*whole.documents(), tenant("acme"), tenant("rich")], 2)
        lies = {"x-tiermesh-tenant": "rich", "x-tiermesh-route": "other", "x-tiermesh-tier": "heavy"}
        response = await whole.chat(headers=authorized("acme") | lies)
        assert response.headers["x-tiermesh-route"] == "shop"
        assert whole.logged()[-1]["tenant"] == "acme"
        assert not [name for name in (await whole.light.received()).headers if name.startswith("x-tiermesh")]


async def test_tenants_share_no_answers() -> None:
    async with mesh() as whole:
        whole.put_in_force([*whole.documents(), tenant("a"), tenant("b")], 2)
        caches = [(await whole.chat(headers=authorized(name))).headers["x-tiermesh-cache"] for name in ("a", "a", "b")]
        assert caches == ["miss", "hit-exact", "miss"]


async def test_a_route_that_a_tenant_may_not_use_does_not_exist_for_it() -> None:
    async with mesh() as whole:
        other = route("other", light=["light"], heavy=[])
        whole.put_in_force([*whole.documents(), other, tenant("acme", routes=["other"]), tenant("all")], 2)
        refused = await whole.chat(headers=authorized("acme"))
        assert (refused.status_code, code_of(refused)) == (404, "model_not_found")
        assert "shop" not in refused.json()["error"]["message"].partition("Models here")[2]
        listed = await whole.http.get("/v1/models", headers=authorized("acme"))
        assert [entry["id"] for entry in listed.json()["data"]] == ["other"]
        listed = await whole.http.get("/v1/models", headers=authorized("all"))
        assert [entry["id"] for entry in listed.json()["data"]] == ["other", "shop"]
