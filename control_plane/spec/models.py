"""Model: something that answers."""

from enum import StrEnum
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from control_plane.spec.base import Spec

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$")]
"""A DNS label: lower case, digits, '-' and '.', at most 63 characters."""


class Engine(StrEnum):
    """What runs the model."""

    FAQ = "faq"
    """Sentence embeddings over a folder of questions and answers; abstains when unsure."""
    VLLM = "vllm"
    """vLLM's AsyncLLM inside a Ray Serve deployment. Runs as `transformers` where vLLM is not installed."""
    TRANSFORMERS = "transformers"
    """Plain transformers inside a Ray Serve deployment."""
    OPENAI = "openai"
    """Runs elsewhere: any URL that speaks the OpenAI API."""


class Tier(StrEnum):
    """How much an answer costs: the router tries light before heavy."""

    LIGHT = "light"
    HEAVY = "heavy"


class Operation(StrEnum):
    """What a caller asks for; each is one path of the OpenAI API."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"


OPERATIONS: dict[Engine, frozenset[Operation]] = {
    Engine.FAQ: frozenset({Operation.CHAT, Operation.EMBEDDINGS}),
    Engine.VLLM: frozenset({Operation.CHAT, Operation.COMPLETIONS}),
    Engine.TRANSFORMERS: frozenset({Operation.CHAT, Operation.COMPLETIONS}),
    Engine.OPENAI: frozenset(Operation),
}
"""What each engine can do."""

_SCHEMES = ("hf", "file", "bundled")


def _source_uri(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in _SCHEMES or not rest:
        raise ValueError("must be hf://ORG/NAME[@REVISION], file://PATH or bundled://NAME")
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:  # above 65535 it raises
        raise ValueError("must be an http:// or https:// URL with a host, such as http://127.0.0.1:9000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must have no user, password, query or fragment; name a key with apiKeyFromEnv")
    return value.rstrip("/")


SourceUri = Annotated[str, AfterValidator(_source_uri)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]


class Resources(Spec):
    """What one replica reserves from Ray."""

    cpus: float = Field(default=1, ge=0)
    """Processor cores. Ray counts them; it does not pin them."""
    gpus: float = Field(default=0, ge=0)
    """GPUs; a fraction shares one."""
    memory_gib: float = Field(default=1, gt=0)
    """Main memory in GiB, checked against the machine before anything starts."""
    accelerator: str | None = None
    """Ray's accelerator type (`H100`, `A10G` …) where the node pool matters."""


class Limits(Spec):
    """What one replica takes before it says no."""

    max_ongoing: int = Field(default=16, ge=1)
    """Requests one replica works on at once."""
    max_queued: int = Field(default=64, ge=0)
    """Requests that wait for a replica; one more is answered 429 with Retry-After."""


class Replicas(Spec):
    """How many replicas; Ray Serve moves between the two bounds."""

    min: int = Field(default=1, ge=1)
    max: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) must not be greater than max ({self.max})")
        return self


class Faq(Spec):
    """Settings of the `faq` engine."""

    knowledge: SourceUri
    """A folder of entries, `file://./PATH` (from the document's own folder) or `file:///PATH`."""
    threshold: float = Field(ge=0, le=1)
    """Confidence from which an entry answers; below it the model abstains. Fitted: see `benchmarks.faq`."""


class Passages(Spec):
    """Retrieval: what another model finds goes into this model's prompt."""

    model: Name
    """A Model of engine `faq`."""
    count: int = Field(default=2, ge=1, le=20)
    """How many entries."""


class Generation(Spec):
    """Settings of the `vllm` and `transformers` engines."""

    context_tokens: int = Field(default=2048, ge=128)
    """Prompt and answer together."""
    output_tokens: int = Field(default=256, ge=1)
    """Most tokens of an answer where the request does not say."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    quantization: str | None = None
    """A method vLLM knows (`awq`, `fp8` …); the weights must fit it."""
    tensor_parallel: int = Field(default=1, ge=1)
    """GPUs that share one replica."""
    kv_cache_gib: float | None = Field(default=None, gt=0)
    """Memory for the KV cache on a CPU; on a GPU vLLM sizes it by itself."""
    system_prompt: str | None = None
    """Said first where the request has no system message."""
    passages: Passages | None = None


class ModelSpec(Spec):
    """What a Model says."""

    engine: Engine
    tier: Tier
    version: str = Field(default="1", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    """Changes when the answers change: caches are keyed by it."""
    source: SourceUri | None = None
    """Where the weights are: hf://ORG/NAME[@REVISION], file://PATH, bundled://NAME."""
    url: HttpUrl | None = None
    """For engine `openai`: the base URL, /v1 included, as OpenAI's clients write it."""
    served_name: str | None = Field(default=None, min_length=1, max_length=200)
    """The model's name where it runs; by default this document's name."""
    api_key_from_env: str | None = Field(default=None, pattern=r"^TIERMESH_UPSTREAM_KEY_[A-Z0-9_]+$")
    """For engine `openai`: the router's variable with the key. The prefix keeps other secrets out of reach."""
    faq: Faq | None = None
    generation: Generation | None = None
    resources: Resources = Resources()
    limits: Limits = Limits()
    replicas: Replicas = Replicas()

    @model_validator(mode="after")
    def _fits_its_engine(self) -> Self:
        elsewhere = self.engine is Engine.OPENAI
        generates = self.engine in (Engine.VLLM, Engine.TRANSFORMERS)
        needs = {
            "url": (elsewhere, self.url),
            "source": (not elsewhere, self.source),
            "faq": (self.engine is Engine.FAQ, self.faq),
        }
        for field, (needed, value) in needs.items():
            if needed and value is None:
                raise ValueError(f"engine {self.engine.value!r} needs {field!r}")
            if not needed and value is not None:
                raise ValueError(f"engine {self.engine.value!r} has no {field!r}: remove it")
        if self.generation is not None and not generates:
            raise ValueError(f"engine {self.engine.value!r} has no 'generation': remove it")
        if self.api_key_from_env is not None and not elsewhere:
            raise ValueError(f"engine {self.engine.value!r} has no 'apiKeyFromEnv': remove it")
        return self
