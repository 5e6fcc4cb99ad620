"""What several tests of a running mesh need: small documents, questions, and what `tiermesh status` says."""

from pathlib import Path
from typing import Any

import httpx2
import yaml

from control_plane.client.files import read_documents
from control_plane.spec.documents import dump
from launcher.documents import bundled
from launcher.settings import UpSettings
from launcher.status import status as look
from tests.stack import Stack

DELIVERY = "How long does delivery take?"


def light_documents(folder: Path) -> Path:
    """The bundled shop without its heavy model: seconds to start instead of minutes."""
    by_name = {document.metadata.name: dump(document) for document in read_documents(bundled())}
    by_name["shop"]["spec"]["tiers"] = {"light": ["faq"]}
    file = folder / "light.yaml"
    file.write_text(yaml.safe_dump_all([by_name["faq"], by_name["shop"]], allow_unicode=True), encoding="utf-8")
    return file


def far_documents(folder: Path) -> Path:
    """A model that runs elsewhere: nothing is started for it but control plane and router."""
    spec = {"engine": "openai", "tier": "heavy", "url": "http://127.0.0.1:9/v1"}
    documents: list[dict[str, Any]] = [
        {"apiVersion": "tiermesh.dev/v1alpha1", "kind": "Model", "metadata": {"name": "far"}, "spec": spec},
        {
            "apiVersion": "tiermesh.dev/v1alpha1",
            "kind": "Route",
            "metadata": {"name": "far"},
            "spec": {"tiers": {"heavy": ["far"]}},
        },
    ]
    file = folder / "far.yaml"
    file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return file


def ask(mesh: Stack, question: str, **more: Any) -> httpx2.Response:
    """One chat request to the shop."""
    body = {"model": "shop", "messages": [{"role": "user", "content": question}]} | more
    return httpx2.post(f"{mesh.router}/chat/completions", json=body, timeout=120, trust_env=False)


def status(mesh: Stack) -> dict[str, Any]:
    """What `tiermesh status` says, without a process for each look."""
    return look(UpSettings.load(home=mesh.home)).model_dump(mode="json", by_alias=True)


def process(mesh: Stack, name: str) -> dict[str, Any]:
    """One process, as `tiermesh status` shows it."""
    (found,) = (each for each in status(mesh)["processes"] if each["name"] == name)
    assert isinstance(found, dict)
    return found
