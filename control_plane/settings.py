"""The control plane's settings, from the environment."""

import json
import os
import socket
from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from control_plane.auth.claims import Oidc, Roles, read_roles
from control_plane.auth.door import is_loopback
from control_plane.auth.jwts import Expected
from control_plane.auth.tokens import read_grants
from control_plane.spec.compile import SERVE_URL
from control_plane.spec.settings import Folder, Port, Settings
from control_plane.spec.uris import HttpUrl

GivenName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$")]


def _roles(text: str | Roles) -> Roles:
    return read_roles(text) if isinstance(text, str) else text


def _grants(text: str | Mapping[str, str]) -> Mapping[str, str]:
    """Raises ValueError that says what is wrong."""
    try:
        grants = json.loads(text) if isinstance(text, str) else text
    except ValueError as error:
        raise ValueError('write it as JSON: {"admin": "admin@*", "router": "router"}') from error
    if not isinstance(grants, dict) or not all(isinstance(value, str) for value in grants.values()):
        raise ValueError('write it as one JSON object from names to texts such as "operator@shop, viewer@*"')
    read_grants(grants)
    return grants


def _mlflow(url: str) -> str:
    if not url.startswith(("sqlite:////", "http://", "https://")):
        raise ValueError("must be sqlite:////PATH/FILE, or the http:// or https:// URL of a tracking server")
    return url


class ControlPlaneSettings(Settings):
    """What `python -m control_plane` can be told."""

    model_config = SettingsConfigDict(env_prefix="TIERMESH_CONTROL_PLANE_")

    host: str = "127.0.0.1"
    """Where the API listens. Beyond loopback every request needs a token; put TLS in front."""
    port: Port = 8090
    """The API."""
    admin_port: Port = 8091
    """Probes and metrics, apart from the API so that they answer when it is busy."""
    admin_host: str = "127.0.0.1"
    """Where probes and metrics listen. They ask for no token, so that kubelets and Prometheus can read them."""
    open_on_loopback: bool = True
    """While the API listens on loopback, whoever asks from this machine without a token may do everything. Switch it
    off where others have accounts on the machine."""
    oidc_issuer: HttpUrl | None = None
    """The OpenID Connect provider whose tokens are taken too: `iss` as it writes it, https beyond this machine."""
    oidc_audience: str | None = Field(default=None, min_length=1)
    """What its tokens for us hold in `aud`."""
    oidc_name_claim: str = "sub"
    """The claim that names a person. Others than `sub` may change, or be somebody else's later."""
    oidc_roles_claim: str = "groups"
    """The claim whose values give roles: a text or a list; dots lead into claims that hold others."""
    oidc_roles: Annotated[Roles, NoDecode, BeforeValidator(_roles)] = Field(default_factory=dict)
    """What the values give, as JSON: `{"developers": "operator@shop, viewer@*"}`. Others give nothing."""
    given_tokens: Annotated[Mapping[GivenName, str], NoDecode, BeforeValidator(_grants)] = Field(default_factory=dict)
    """Tokens whose secrets lie in `given_tokens_folder`, and what they may, as JSON: `{"admin": "admin@*",
    "router": "router"}`. Known from the start on, in place of those that were given under the same names before."""
    given_tokens_folder: Folder | None = None
    """One file a token, with its name and its secret."""
    database_url: str | None = None
    """sqlite:////PATH/FILE, or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE where several control planes share it;
    by default the file control-plane.db in TIERMESH_HOME."""
    name: str = Field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}", min_length=1, max_length=63)
    """What this one is called where several share a database: `/readyz` names the one that leads."""
    mlflow_url: Annotated[str, AfterValidator(_mlflow)] | None = None
    """MLflow's registry: sqlite:////PATH/FILE, used in process, or http(s):// of a tracking server; by default
    mlflow.db in TIERMESH_HOME."""
    mlflow_timeout_seconds: float = Field(default=5, ge=1, le=60)
    """How long MLflow may take for one answer: until then a person waits."""
    follow_seconds: float = Field(default=5, ge=0.1, le=3600)
    """Between two looks at the aliases in MLflow, for moves that were made there."""
    protected_aliases: frozenset[str] = frozenset({"production"})
    """Aliases that move when a second person approves; a JSON list."""
    serve_url: HttpUrl = SERVE_URL
    """Where Ray Serve listens: compiled into the address of every Model that it runs."""
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    """Largest request body: tens of thousands of documents; what is larger is a mistake."""
    decisions_most: int = Field(default=200_000, ge=1)
    """Records of routers' decisions that are kept, some 700 bytes each; the oldest go first."""
    decisions_days: float = Field(default=7, gt=0)
    """How long they are kept."""
    events_days: float = Field(default=30, gt=0)
    """How long single events of experiments are kept, for what is reported late; what they sum up to stays."""
    events_most: int = Field(default=5_000_000, ge=1000)
    """How many of them are kept, some 300 bytes each; the oldest go first."""
    rollout_seconds: float = Field(default=1, ge=0.1, le=60)
    """Between two looks at Rollouts and at what Routes promise: what does harm goes on for so long, and until its
    outcomes have come."""
    experiment_seconds: float = Field(default=10, ge=0.1, le=3600)
    """Between two looks at Experiments."""
    allocation_minutes: float = Field(default=10, ge=0.1, le=7 * 24 * 60)
    """Least time between two changes of what a bandit gives to its arms."""
    kafka_servers: str | None = Field(default=None, min_length=1)
    """Hand events of experiments on to this Kafka, as `HOST:PORT`, several with commas. Needs the extra `kafka`."""
    kafka_topic: str = Field(default="tiermesh-events", pattern=r"^[A-Za-z0-9._-]{1,249}$")
    """Where they go; it has to be there, unless the brokers make topics by themselves."""
    kafka_tls: bool = False
    """Whether the brokers speak TLS, with a certificate that this machine trusts."""
    kafka_username: str | None = None
    """Where they ask who it is (SASL, SCRAM-SHA-512)."""
    kafka_password: SecretStr | None = None
    """Its password."""
    max_waiters: int = Field(default=1000, ge=1)
    """Long-polls at once, one a router: each costs a connection and a few kilobytes."""
    grace_seconds: int = Field(default=5, ge=1)
    """How long requests in flight may take to finish after SIGTERM."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe log line that is written."""

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.home / 'control-plane.db'}"

    @property
    def mlflow(self) -> str:
        """MLflow's URL."""
        return self.mlflow_url or f"sqlite:///{self.home / 'mlflow.db'}"

    @property
    def is_open(self) -> bool:
        """Whether who sits at this machine needs no token."""
        return self.open_on_loopback and is_loopback(self.host)

    @property
    def oidc(self) -> Oidc | None:
        """The OpenID Connect provider, where there is one."""
        if self.oidc_issuer is None or self.oidc_audience is None:
            return None
        expected = Expected(self.oidc_issuer, self.oidc_audience)
        return Oidc(expected, self.oidc_name_claim, self.oidc_roles_claim, self.oidc_roles)

    @model_validator(mode="after")
    def _whole_tokens(self) -> Self:
        if bool(self.given_tokens) != (self.given_tokens_folder is not None):
            prefix = "TIERMESH_CONTROL_PLANE_GIVEN_TOKENS"
            raise ValueError(f"{prefix} and {prefix}_FOLDER need each other")
        return self

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.kafka_username is None) != (self.kafka_password is None):
            prefix = "TIERMESH_CONTROL_PLANE_KAFKA"
            raise ValueError(f"{prefix}_USERNAME and {prefix}_PASSWORD need each other")
        return self

    @model_validator(mode="after")
    def _whole_provider(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_audience is None):
            prefix = "TIERMESH_CONTROL_PLANE_OIDC"
            raise ValueError(f"{prefix}_ISSUER and {prefix}_AUDIENCE need each other")
        url = urlsplit(self.oidc_issuer or "https://")
        if url.scheme != "https" and not is_loopback(url.hostname or ""):
            raise ValueError("TIERMESH_CONTROL_PLANE_OIDC_ISSUER must be https: its keys decide who may do what")
        return self
