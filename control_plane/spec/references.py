"""References: what a document names of the registry of prompts, and where; and the learned routers that Routes name."""

from collections.abc import Iterable, Iterator

from control_plane.spec.documents import Document, Experiment, Rollout, Route
from control_plane.spec.prompts import RoutePrompt


def prompts(document: Document) -> Iterator[tuple[str, RoutePrompt]]:
    """Each prompt that a document puts before what callers say, by its field in `spec`."""
    if isinstance(document, Route):
        if document.spec.prompt is not None:
            yield "prompt", document.spec.prompt
    elif isinstance(document, Experiment | Rollout):
        for place, override in document.spec.overrides().items():
            if override.prompt is not None:
                yield f"{place}.prompt", override.prompt


def routers(documents: Iterable[Document]) -> frozenset[str]:
    """The artifacts of learned routers that Routes name."""
    named = (document.spec.complexity.router for document in documents if isinstance(document, Route))
    return frozenset(name for name in named if name is not None)
