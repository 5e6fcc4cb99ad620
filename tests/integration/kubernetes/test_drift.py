"""What is changed or deleted behind the operator's back is as it was, in every kind that it makes."""

from typing import Any

import pytest
from lightkube.types import PatchType

from benchmarks.harness import every_kind
from operators.apply import kind_of
from tests.integration.kubernetes.mesh import ELSEWHERE, Mesh, until


def _said(mesh: Mesh) -> dict[tuple[str, str], Any]:
    """What of each was rendered and is spoilt here."""
    return {
        (one["kind"], one["metadata"]["name"]): one["metadata"]["labels"].get("app.kubernetes.io/part-of")
        for one in mesh.made()
    }


@pytest.mark.parametrize("ignored", ["", "ScaledObject"], ids=["with KEDA", "without KEDA"])
def test_every_kind_that_is_made_is_repaired(mesh: Mesh, ignored: str) -> None:
    """Without KEDA nothing but the autoscaler is another."""
    models = ("served",) if ignored else every_kind.MODELS
    wanted = {every_kind.SCALER} if ignored else every_kind.KINDS - {every_kind.SCALER}
    with mesh.operator(**every_kind.settings(ignored)):
        for name in models:
            mesh.apply("Model", name, every_kind.MODELS[name])
        until(mesh.kinds_made, lambda kinds: kinds >= wanted)
        mesh.apply("Model", "last", ELSEWHERE)
        mesh.ready("Model", "last")  # by then the others are whole
        before = _said(mesh)
        spoilt: set[str] = set()
        for one in mesh.made():
            found, name = kind_of(one["apiVersion"], one["kind"]), one["metadata"]["name"]
            if one["kind"] in spoilt:
                mesh.api.delete(found, name, namespace=mesh.namespace)
            else:
                patch = {"metadata": {"labels": {"app.kubernetes.io/part-of": "spoilt"}}}
                mesh.api.patch(found, name, patch, namespace=mesh.namespace, patch_type=PatchType.MERGE)
                spoilt.add(one["kind"])
        until(lambda: _said(mesh), lambda now: now == before)
