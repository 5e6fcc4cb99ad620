from benchmarks.harness import tiermesh
from benchmarks.harness.gateways import Gateway
from control_plane.spec import documents


def test_its_documents_are_valid(stub: Gateway) -> None:
    model, route = map(documents.parse, tiermesh.documents(stub))

    assert (model.kind, route.kind, route.metadata.name) == ("Model", "Route", stub.model)
