"""What bears the name of an object to be written is written over only where it is the operator's own."""

from typing import Any

import pytest

from operators.kinds import Object
from operators.reconcile import owned
from operators.render.names import MODEL_LABEL, metadata
from operators.strangers import whose
from tests.unit.operators.samples import resource

OWNER = resource(name="faq")
WANTED: Object = owned(
    {"apiVersion": "v1", "kind": "Service", "metadata": metadata("model-faq", "team", MODEL_LABEL, "faq")}, OWNER
)
OTHER = {**OWNER.reference, "uid": "another", "name": "old"}


def _there(*owners: Any, labels: Any = None) -> Object:
    return {"metadata": {"name": "model-faq", "ownerReferences": [*owners], "labels": labels or {}}}


@pytest.mark.parametrize(
    "found",
    [
        _there(OWNER.reference),
        _there({**OTHER, "controller": False}, OWNER.reference),
        _there(labels=WANTED["metadata"]["labels"]),
        _there({**OTHER, "controller": False}, labels=WANTED["metadata"]["labels"]),
    ],
    ids=["its own", "its own, named by another too", "let go of", "let go of, named by another"],
)
def test_what_is_its_own_or_was_let_go_of_is_written(found: Object) -> None:
    assert whose(found, WANTED) is None


@pytest.mark.parametrize(
    ("found", "owner"),
    [
        (_there(), "nobody that is known here"),
        (_there(labels={"app.kubernetes.io/managed-by": "Helm"}), "nobody that is known here"),
        (_there(OTHER), "Model 'old'"),
        (_there(OTHER, labels=WANTED["metadata"]["labels"]), "Model 'old'"),
    ],
    ids=["a person's", "a chart's", "another's", "another Model's"],
)
def test_what_is_somebody_elses_is_left_with_whose_it_is_and_the_cure(found: Object, owner: str) -> None:
    said = whose(found, WANTED) or ""
    assert f"Service 'model-faq' is there already and belongs to {owner}" in said
    assert "delete it, or give this resource another name" in said
