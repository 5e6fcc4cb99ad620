"""Which documents a start is about."""

from collections.abc import Iterable
from pathlib import Path

import yaml

from control_plane.client.files import parse_documents, read_documents
from control_plane.spec.documents import Document, Model, stored
from launcher.home import Home


def bundled() -> Path:
    """The example shop: beside the packages in a checkout, inside this package in a wheel."""
    package = Path(__file__).parent
    checkout = package.parent / "examples" / "shop"
    return checkout if checkout.is_dir() else package / "bundled" / "shop"


def expected(given: Path | None, home: Home) -> list[Document]:
    """What will run, as far as it can be known before the control plane is asked.

    That is the Models of the last run of this home and the given documents; on a first start, the bundled ones.
    Raises TiermeshError(INVALID_DOCUMENT) that names the file.
    """
    ran_before = home.models.exists()
    last = parse_documents(home.models.read_text(encoding="utf-8"), str(home.models)) if ran_before else []
    chosen = read_documents(given or bundled()) if given or not ran_before else []
    merged = {document.key: document for document in [*last, *chosen]}
    return list(merged.values())


def local(documents: Iterable[Document]) -> list[Model]:
    """The Models that have to run on this machine: neither behind a URL, nor a version that is only tried."""
    models = (document for document in documents if isinstance(document, Model))
    return [model for model in models if model.spec.served_here and not model.tried]


def render(models: Iterable[Model]) -> str:
    """Model documents as one YAML file: equal documents give equal text, whatever their order and version."""
    ordered = sorted(models, key=lambda model: model.metadata.qualified_name)
    # Escaped: PyYAML writes U+0085 and its kin as they are, and reads them as line breaks.
    return yaml.safe_dump_all([stored(model) for model in ordered], sort_keys=True)
