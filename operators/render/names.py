"""Names and labels of what is rendered: stable, at most 63 characters, and never two documents under one."""

import hashlib
import re
from typing import Any

LONGEST = 40
"""Of an object's name: controllers append to it, and KubeRay cuts what comes to more than 50 with its `-serve-svc`."""
_DIGITS = 10
_LIKE_CUT = re.compile(rf".*-[0-9a-f]{{{_DIGITS}}}")

MODEL_LABEL = "tiermesh.dev/model"
"""On every object of a Model, and on every pod that answers for it; its value is the document's name."""
ROUTE_LABEL = "tiermesh.dev/route"
MANAGED_BY, MANAGER = "app.kubernetes.io/managed-by", "tiermesh-operator"
"""The label on every object that is made here, and its value."""


def object_name(prefix: str, name: str) -> str:
    """`model-faq`: a DNS label for a document's name, which may hold dots and up to 63 characters.

    Where it cannot stay as it is, it ends in a hash; so does one that looks as if it did.
    """
    plain = f"{prefix}-{name}"
    if len(plain) <= LONGEST and "." not in name and not _LIKE_CUT.fullmatch(name):
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]
    cut = plain.replace(".", "-")[: LONGEST - _DIGITS - 1].rstrip("-")
    return f"{cut}-{digest}"


def metadata(name: str, namespace: str, label: str, document: str, **more: Any) -> dict[str, Any]:
    """An object's, with the labels that Kubernetes recommends."""
    return {
        "name": name,
        "namespace": namespace,
        "labels": {
            MANAGED_BY: MANAGER,
            "app.kubernetes.io/part-of": "tiermesh",
            label: document,
        },
        **more,
    }
