"""Of texts: what those that have to match a pattern must be, in words; a pattern by itself is no cure.

And how long they can be at most: what a rule may cost is reckoned from that.
"""

from typing import Any, NamedTuple

from pydantic import TypeAdapter

from control_plane.spec import arms, kubernetes, learned, metrics, models, names, prompts, scaling, uris, versions
from control_plane.spec.gates import Evaluation


class Text(NamedTuple):
    """What is said of one."""

    longest: int
    """Characters."""
    words: str


_LABEL = "lower-case letters, digits, '-' and '.', with a letter or digit at both ends"
_WORD = "letters, digits, '.', '_' and '-', and begin with a letter or digit"
_HUB = "hf://ORG/NAME[@REVISION], file://PATH or bundled://NAME"
_TEXTS: tuple[tuple[Any, int, str], ...] = (
    (names.Name, 63, f"must be at most 63 characters: {_LABEL}"),
    (names.Answering, 127, f"must be a Model's name, or MODEL:ADAPTER: {_LABEL}"),
    (names.QualifiedName, 191, f"must be a Model's name, or MODEL:ADAPTER: {_LABEL}"),
    (names.CallersName, 200, "must be printable ASCII without blanks"),
    (metrics.MetricName, 63, f"must be at most 63 characters: {_LABEL}, or '_' between them"),
    (names.OutcomeName, 100, f"must be at most 100 {_WORD}"),
    (learned.RouterName, 16, "must be the 16 hex digits before .router.json in the artifact's name"),
    (models.Version, 63, f"must be at most 63 {_WORD}"),
    (models.KeyVariable, 200, "must be a variable whose name begins with TIERMESH_UPSTREAM_KEY_, in capitals"),
    (uris.SourceUri, 2000, f"must be {_HUB}"),
    (
        uris.ModelSource,
        2000,
        f"must be {_HUB}, https://HOST/PATH, models:/NAME@ALIAS or models:/NAME/VERSION, or for KServe and Triton"
        " s3://, gs://, pvc:// or oci://",
    ),
    (uris.HttpUrl, 2000, "must be an http:// or https:// URL without a query, such as http://10.0.0.7:9000/v1"),
    (uris.Sha256, 64, "must be a sha256 in lower-case hex, 64 digits"),
    (Evaluation, 2000, "must be file://PATH or https://HOST/PATH of a YAML or JSON lines file"),
    (arms.ArmName, 32, "must be at most 32 lower-case letters, digits and '-', with a letter or digit at both ends"),
    (arms.HeaderName, 100, "must be a header's name in lower case"),
    (arms.BodyField, 504, "must be a field of the body, with dots into objects, such as metadata.session_id"),
    (arms.Salt, 100, "must be printable ASCII"),
    (prompts.PromptName, 200, f"must be at most 200 {_WORD}"),
    (
        versions.AliasName,
        63,
        "must be an alias, such as production: a letter, then letters, digits, '_' and '-'; MLflow keeps latest, v1 and"
        " the like for itself",
    ),
    (scaling.Cron, 204, "must be five fields, minute hour day month weekday, such as 0 8 * * 1-5"),
    (scaling.TimeZone, 64, "must be a time zone of the IANA database, such as Europe/Berlin"),
    (kubernetes.Image, 512, "must be an image, such as registry.example/team/server:1.2"),
    (kubernetes.ModelFormat, 63, "must be a format that KServe knows, in lower case, such as sklearn, onnx or pytorch"),
    (kubernetes.LabelKey, 317, "must be a label's key, such as accelerator or cloud.google.com/gke-accelerator"),
    (kubernetes.LabelValue, 63, "must be a label's value: at most 63 letters, digits, '.', '_' and '-'"),
)

TEXTS: dict[str, Text] = {
    TypeAdapter(kind).json_schema()["pattern"]: Text(longest, words) for kind, longest, words in _TEXTS
}
"""By the pattern."""
