"""URIs as documents write them: where something answers, and where weights are."""

import re
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A checksum in lower-case hex."""

_LOCAL = ("hf", "file", "bundled")
_FETCHED = ("http", "https")
STORED = ("s3", "gs", "pvc", "oci")
"""Where only a cluster's own servers read weights from."""
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
"""All that RFC 3986 lets stand in a URL."""
_NAMED = "models:/[A-Za-z0-9][A-Za-z0-9._-]{0,99}(@[A-Za-z][A-Za-z0-9_-]{0,62}|/[1-9][0-9]{0,8})"
_REFERENCE = re.compile(
    r"models:/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,99})(?:@(?P<alias>[A-Za-z][A-Za-z0-9_-]{0,62})|/(?P<version>[1-9][0-9]{0,8}))"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """`models:/NAME@ALIAS` or `models:/NAME/VERSION`: a version in the model registry; one of the two is set."""

    name: str
    alias: str | None = None
    version: int | None = None

    def __str__(self) -> str:
        return f"models:/{self.name}" + (f"@{self.alias}" if self.alias else f"/{self.version}")


def reference(uri: str | None) -> Reference | None:
    """The registry's version that a source names, or None where it names something else."""
    found = _REFERENCE.fullmatch(uri or "")
    if found is None:
        return None
    return Reference(found["name"], found["alias"], int(found["version"]) if found["version"] else None)


def _source_uri(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in _LOCAL or not rest:
        raise ValueError("must be hf://ORG/NAME[@REVISION], file://PATH or bundled://NAME")
    return value


def _model_source(value: str) -> str:
    if value.startswith("models:"):
        if reference(value) is None:
            raise ValueError("must be models:/NAME@ALIAS or models:/NAME/VERSION")
        return value
    scheme, _, rest = value.partition("://")
    if scheme in _FETCHED:
        return _http_url(value)
    if scheme not in _LOCAL + STORED or not rest:
        raise ValueError(
            "must be hf://ORG/NAME[@REVISION], file://PATH, bundled://NAME, https://HOST/PATH, models:/NAME@ALIAS, "
            "models:/NAME/VERSION, or in a cluster s3://, gs://, pvc:// or oci://"
        )
    return value


def in_object_store(uri: str | None) -> bool:
    """Whether a source lies where only a cluster's own servers read it."""
    return (uri or "").partition("://")[0] in STORED


def _http_url(value: str) -> str:
    if not _URL_CHARACTERS.fullmatch(value):  # it goes into requests as it is
        raise ValueError("must be an http:// or https:// URL in plain characters; write others as %XX or as punycode")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:  # above 65535 it raises
        raise ValueError("must be an http:// or https:// URL with a host, such as http://127.0.0.1:9000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must have no user, password, query or fragment; name a key with apiKeyFromEnv")
    return value.rstrip("/")


_PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_HTTP = rf"https?://([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(:{_PORT})?(/[A-Za-z0-9._~:/@!$&'()*+,;=%-]*)?"
_FOLDER = r"(hf|file|bundled)://.+"
_OBJECTS = rf"({'|'.join(STORED)})://.+"


_LONGEST = 2000


def _like(pattern: str) -> WithJsonSchema:
    """What the schema says of a text; what such a pattern cannot say, the validator refuses."""
    return WithJsonSchema({"type": "string", "pattern": f"^({pattern})$", "maxLength": _LONGEST})


DIFFERENT = Field(json_schema_extra={"minItems": 1, "uniqueItems": True})
"""What `different` checks, as a schema says it."""


def different(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Raises ValueError where a tuple is empty or says something twice."""
    if not values or len(set(values)) < len(values):
        raise ValueError("must name at least one, and each only once")
    return values


_Text = Annotated[str, Field(max_length=_LONGEST)]
SourceUri = Annotated[_Text, AfterValidator(_source_uri), _like(_FOLDER)]
"""A folder on this machine, in a package or on a hub."""
ModelSource = Annotated[_Text, AfterValidator(_model_source), _like(f"{_FOLDER}|{_OBJECTS}|{_HTTP}|{_NAMED}")]
"""The same, or what is fetched from a URL, or a version of the model registry, or what a cluster's servers read."""
HttpUrl = Annotated[_Text, AfterValidator(_http_url), _like(_HTTP)]
HttpUrls = Annotated[tuple[HttpUrl, ...], Field(max_length=64), AfterValidator(different), DIFFERENT]
