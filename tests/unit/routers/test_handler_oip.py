"""The Open Inference Protocol at the handler: keys, tenants and errors are the same as for all others."""

from collections.abc import AsyncIterator

import grpc
import pytest

from routers.directory import Directory
from routers.grpc_server import SERVICE, GrpcServer
from routers.limits import ServerLimits
from tests.unit.routers.mesh import Mesh, mesh
from tests.unit.routers.samples import route
from tests.unit.routers.tenants import authorized, tenant
from tests.unit.routers.test_grpc_server import INFER, QUESTION

TEXT = {"inputs": [{"name": "text_input", "datatype": "BYTES", "shape": [1], "data": ["hi"]}]}
PATH = "/v2/models/shop/infer"


@pytest.fixture
async def whole() -> AsyncIterator[Mesh]:
    """A mesh in which keys are asked for; `other` may use another Route alone."""
    async with mesh() as whole:
        spare = route("spare")
        whole.put_in_force([*whole.documents(), spare, tenant("acme"), tenant("other", routes=["spare"])])
        yield whole


async def test_probes_need_no_key(whole: Mesh) -> None:
    for path in ("/v2/health/live", "/v2/health/ready"):
        assert (await whole.http.get(path)).status_code == 200


async def test_everything_else_needs_one_and_says_so_in_the_protocols_shape(whole: Mesh) -> None:
    for response in (
        await whole.http.get("/v2"),
        await whole.http.get("/v2/models/shop"),
        await whole.http.post(PATH, json=TEXT),
    ):
        assert (response.status_code, list(response.json())) == (401, ["error"])


async def test_the_key_names_the_tenant_and_what_it_sees(whole: Mesh) -> None:
    response = await whole.http.post(PATH, json=TEXT, headers=authorized("acme"))
    assert response.json()["outputs"][0]["data"] == ["ok"]
    assert [line["tenant"] for line in whole.logged()] == ["acme"]
    for asked in (
        whole.http.post(PATH, json=TEXT, headers=authorized("other")),
        whole.http.get("/v2/models/shop", headers=authorized("other")),
    ):
        assert (await asked).status_code == 404


async def test_over_grpc_the_key_is_metadata(whole: Mesh) -> None:
    server = GrpcServer(whole.router, Directory({}), ServerLimits())
    port = await server.start("127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        metadata = [(name.lower(), value) for name, value in authorized("acme").items()]
        assert b"ok" in await channel.unary_unary(INFER)(QUESTION, metadata=metadata)
        for method, message in ((INFER, QUESTION), (f"/{SERVICE}/ModelReady", b"\x0a\x04shop")):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary(method)(message)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert await channel.unary_unary(f"/{SERVICE}/ServerLive")(b"")
    await server.stop(0)


async def test_a_request_before_the_first_snapshot_is_told_to_come_again() -> None:
    async with mesh() as whole:
        whole.router.runtime = None
        response = await whole.http.post(PATH, json=TEXT)
        assert (response.status_code, response.headers["retry-after"]) == (503, "2")
        assert response.json()["error"].startswith("The router has no snapshot yet.")
