"""What the tests of the served models share: a small shop, and documents."""

from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette

from control_plane.spec.documents import API_VERSION, Model, parse
from model_repo.faq.knowledge import Entry, Wording

SHOP = Path(__file__).parents[3] / "examples" / "shop"
GPU = SHOP.parent / "gpu"

ENTRIES = (
    Entry(
        "delivery",
        {
            "en": Wording(questions=("How long does delivery take?", "When will it arrive?"), answer="Two days."),
            "zh": Wording(questions=("多久能送到？", "几天到货？"), answer="两天。"),
        },
    ),
    Entry("returns", {"en": Wording(questions=("How do I return an item?",), answer="By post.")}),
    Entry("payment", {"en": Wording(questions=("How can I pay?",), answer="By card.")}),
)


def model(name: str = "assistant", **spec: Any) -> Model:
    """A Model document; by default a generating one."""
    written = {"engine": "vllm", "tier": "heavy", "source": "bundled://smollm2-135m-instruct", **spec}
    document = parse({"apiVersion": API_VERSION, "kind": "Model", "metadata": {"name": name}, "spec": written})
    assert isinstance(document, Model)
    return document


def client(application: Starlette) -> httpx2.AsyncClient:
    """A client of an application in this process."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(application), base_url="http://model")


def chat(question: str, **fields: Any) -> dict[str, Any]:
    """A chat request of one question."""
    return {"model": "faq", "messages": [{"role": "user", "content": question}], **fields}
