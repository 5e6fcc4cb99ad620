"""Where weights and knowledge are, as pods see them."""

import posixpath
from collections.abc import Iterator

from control_plane.spec.documents import Model
from control_plane.spec.models import ModelSpec
from control_plane.spec.uris import reference
from operators.render.site import Site

_RELATIVE = "file://."
"""Of a path that counts from the document's folder on a laptop, and from the site's root here."""


def local(uri: str, site: Site) -> str:
    """The same with an absolute path: `file://./knowledge` -> `file:///srv/tiermesh/knowledge`."""
    if not uri.startswith(_RELATIVE):
        return uri
    return "file://" + posixpath.normpath(posixpath.join(site.files, uri.removeprefix("file://")))


def placed(spec: ModelSpec, site: Site) -> ModelSpec:
    """A Model's spec with all its paths absolute."""
    update: dict[str, object] = {}
    if spec.adapters:
        update["adapters"] = tuple(one.model_copy(update={"source": local(one.source, site)}) for one in spec.adapters)
    if spec.source is not None:
        update["source"] = local(spec.source, site)
    if spec.faq is not None:
        update["faq"] = spec.faq.model_copy(update={"knowledge": local(spec.faq.knowledge, site)})
    return spec.model_copy(update=update)


def unusable(model: Model, site: Site) -> Iterator[str]:
    """A sentence for each source that no pod could use."""
    spec = model.spec
    found = [spec.source, spec.faq.knowledge if spec.faq else None, *(one.source for one in spec.adapters)]
    for source in filter(None, found):
        if reference(source):
            yield (
                f"{source!r} is not resolved to a version: the control plane knows the registry's; apply it there, or "
                "write where the weights are."
            )
        elif source.startswith(_RELATIVE) and not _within(local(source, site), site.files):
            yield f"{source!r} lies outside {site.files}, from which paths count here: write a path below it."


def _within(uri: str, folder: str) -> bool:
    return (uri.removeprefix("file://") + "/").startswith(folder.rstrip("/") + "/")
