"""Of Models: which engine has what, and where each runs."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from control_plane.spec import gates, kubernetes, models
from control_plane.spec.models import BY_KSERVE, PROTOCOLS, RUNTIMES, Engine
from control_plane.spec.rules.rule import Rule, Rules, among, or_default, ordered, some
from control_plane.spec.uris import STORED


def _only(field: str, engines: Iterable[Engine]) -> Rule:
    names = [engine.value for engine in engines]
    message = f"only engine {' or '.join(names)} has {field}: remove it"
    return Rule(f"self.engine in {among(names)} || !has(self.{field})", message, f".{field}")


def _table(known: Mapping[Engine, Iterable[StrEnum]]) -> str:
    """A map of lists in CEL."""
    return "{" + ", ".join(f"'{engine}': {among(values)}" for engine, values in known.items()) + "}"


def _words(known: Mapping[Engine, Iterable[StrEnum]]) -> str:
    return "; ".join(f"{engine}: {', '.join(values)}" for engine, values in known.items() if values)


_ELSEWHERE = f"self.engine in {among(PROTOCOLS)}"
_ADDRESSED = "(has(self.url) || has(self.urls))"
_URLS = "((has(self.url) ? [self.url] : []) + (has(self.urls) ? self.urls : []))"
_SPEAKS = "{" + ", ".join(f"'{engine}': '{spoken[0]}'" for engine, spoken in PROTOCOLS.items()) + "}"
_SPOKEN = f"(has(self.protocol) ? self.protocol : {_SPEAKS}[self.engine])"
_RUNTIME = "has(self.kubernetes) && has(self.kubernetes.runtime)"
_IMAGE = "(has(self.kubernetes) && has(self.kubernetes.image))"
_GENERATES = (Engine.VLLM, Engine.TRANSFORMERS)
_SCHEMES = "|".join(STORED)

_SOURCE = (
    Rule(
        "!has(self.source) || !self.source.matches('^https?://') || has(self.sha256)",
        "a source at a URL needs sha256, the checksum of the archive or manifest at that URL",
        ".sha256",
    ),
    Rule(
        "!has(self.source) || !self.source.startsWith('bundled://') || !has(self.sha256)",
        "a bundled source has no sha256: its package is pinned; remove it",
        ".sha256",
    ),
    Rule(
        "!has(self.source) || !self.source.startsWith('models:') || !has(self.version)",
        "the model registry says which version it is: remove version",
        ".version",
    ),
)

_MODEL = (
    _only("faq", [Engine.FAQ]),
    _only("generation", _GENERATES),
    _only("protocol", PROTOCOLS),
    _only("source", [engine for engine in Engine if engine is not Engine.OPENAI]),
    _only("kubernetes", [engine for engine in Engine if engine is not Engine.OPENAI]),
    Rule(
        f"{_ELSEWHERE} || {_ADDRESSED} || has(self.source)",
        "this engine needs source, where its weights are; or url, where it runs already",
        ".source",
    ),
    Rule(
        f"self.engine != 'faq' || {_ADDRESSED} || has(self.faq)",
        "engine faq needs faq: say knowledge and threshold",
        ".faq",
    ),
    Rule(
        f"self.engine == 'vllm' || !{some('adapters')}",
        "only engine vllm serves adapters: remove them",
        ".adapters",
    ),
    Rule(
        "has(self.source) || !(has(self.sha256) || (has(self.allowPickle) && self.allowPickle))",
        "sha256 and allowPickle are about source: give it, or remove them",
        ".sha256",
    ),
    Rule("!(has(self.url) && has(self.urls))", "url and urls say the same: remove one of them", ".urls"),
    Rule(
        f"!has(self.apiKeyFromEnv) || {_ADDRESSED}",
        "apiKeyFromEnv is the key for a URL: give url or urls, or remove it",
        ".apiKeyFromEnv",
    ),
    Rule(f"self.engine != 'openai' || {_ADDRESSED}", "engine openai needs either url or urls", ".url"),
    Rule(
        f"!({_ELSEWHERE}) || self.engine == 'openai' || {_ADDRESSED} || has(self.source) || {_IMAGE}",
        "this engine needs url, urls, or source for the operator to run it",
        ".source",
    ),
    Rule(
        f"!({_RUNTIME}) || self.kubernetes.runtime in {_table(RUNTIMES)}[self.engine]",
        f"kubernetes.runtime does not fit the engine: name one of its own ({_words(RUNTIMES)})",
        ".kubernetes.runtime",
    ),
    Rule(
        f"!has(self.source) || !self.source.matches('^({_SCHEMES})://') || self.engine in ['kserve', 'triton']"
        f" || ({_RUNTIME} && self.kubernetes.runtime in {among(BY_KSERVE)})",
        f"this engine reads no such source: set kubernetes.runtime to {' or '.join(BY_KSERVE)}, which fetch it",
        ".source",
    ),
    Rule(
        f"!has(self.protocol) || !({_ELSEWHERE}) || self.protocol in {_table(PROTOCOLS)}[self.engine]",
        f"the engine does not speak this protocol: name one of its own ({_words(PROTOCOLS)})",
        ".protocol",
    ),
    Rule(
        f"!({_ELSEWHERE}) || {_SPOKEN} != 'oip-http' || {_URLS}.all(url, !url.matches('^https?://[^/]+(/.*)?/v2/*$'))",
        "a URL for protocol oip-http must end before /v2: remove it",
        ".url",
    ),
    Rule(
        f"!({_ELSEWHERE}) || {_SPOKEN} != 'oip-grpc' || {_URLS}.all(url, url.matches('^https?://[^/]+/*$'))",
        "a URL for protocol oip-grpc must be host and port alone, such as http://127.0.0.1:8081",
        ".url",
    ),
    Rule(
        f"!(self.engine in {among(_GENERATES)}) || !has(self.price)"
        " || !(has(self.price.outputTokens) || has(self.price.contextTokens))",
        "price has no outputTokens or contextTokens here: say them in generation",
        ".price",
    ),
    *_SOURCE,
    Rule(
        "!has(self.gate) || (has(self.source) && self.source.startsWith('models:'))"
        " || (has(self.adapters) && self.adapters.exists(one, one.source.startsWith('models:')))",
        "a gate is for versions of the model registry: write source: models:/NAME@ALIAS",
        ".gate",
    ),
)
_TOLERATES = or_default(kubernetes.Toleration, "operator")

MODELS: Rules = {
    models.ModelSpec: _MODEL,
    models.Adapter: _SOURCE,
    models.Replicas: (ordered(models.Replicas, "min", "max"),),
    gates.Gate: (
        Rule(
            "has(self.sha256) || self.evaluation.startsWith('file://')",
            "an evaluation at a URL needs sha256: what is there may change unseen",
            ".sha256",
        ),
    ),
    kubernetes.Toleration: (
        Rule(
            f"{_TOLERATES} != 'Exists' || !has(self.value)",
            "operator Exists has no value: remove it",
            ".value",
        ),
        Rule(
            f"{_TOLERATES} != 'Equal' || has(self.key)",
            "operator Equal needs key; for every taint write operator: Exists",
            ".key",
        ),
        Rule(
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "only effect NoExecute has tolerationSeconds: remove it",
            ".tolerationSeconds",
        ),
    ),
}
