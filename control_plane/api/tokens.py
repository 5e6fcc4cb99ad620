"""/v1/tokens and /v1/whoami: who may ask, and who asks."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from control_plane.api.callers import Caller, needs, permit
from control_plane.api.documents import Reason
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.auth.tokens import fingerprint, mint
from control_plane.spec.audit import Deed
from control_plane.spec.base import Moment, Spec, nearest
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.names import Name
from control_plane.spec.people import EVERYWHERE, Binding, Principal, Role, Token, TokenMade
from control_plane.store import audit, tokens
from control_plane.store.database import Database, Transaction


class NewToken(Spec):
    """A token to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["bindings"], "properties": {"bindings": {"minItems": 1}}},
                {"required": ["router"], "properties": {"router": {"const": True}}},
            ]
        }
    )

    name: Name
    person: Name | None = None
    """Who it stands for; by default its own name."""
    bindings: tuple[Binding, ...] = Field(default=(), max_length=100)
    router: bool = False
    expires_at: Moment | None = None
    reason: Reason = ""


class TokenList(Spec):
    """Tokens by name, those that were taken back too."""

    items: tuple[Token, ...]


def token_routes(database: Database) -> APIRouter:
    """The operations on tokens."""
    routes = operations("people")

    @routes.get("/v1/whoami", dependencies=[needs(None)])
    def whoami(caller: Caller) -> Principal:
        """Who the control plane takes the caller for, and what they may do."""
        return caller

    @routes.get("/v1/tokens", dependencies=[needs(Role.ADMIN)])
    def list_all(caller: Caller) -> TokenList:
        """The tokens with a role where the caller is admin."""
        with database.read() as transaction:
            found = tokens.every(transaction)
        return TokenList(items=tuple(token for token in found if any(_governs(caller, token))))

    @routes.post("/v1/tokens", responses=answers(409, 413), dependencies=[needs(Role.ADMIN)])
    def create(wanted: NewToken, caller: Caller, response: Response) -> TokenMade:
        """Make a token, and show its secret in this one answer."""
        now = datetime.now(UTC)
        _refuse_useless(wanted, now)
        secret = mint()
        token = Token(
            **wanted.model_dump(exclude={"reason", "person"}, by_alias=True),
            person=wanted.person or wanted.name,
            createdAt=now,
            createdBy=caller.name,
        )
        _must_govern(caller, token)
        with database.write() as transaction:
            if tokens.get(transaction, token.name) is not None:
                message = f"There is, or was, a token {token.name!r}."
                raise TiermeshError(Code.CONFLICT, message, "Choose another name: none is given twice.")
            tokens.add(transaction, token, fingerprint(secret))
            audit.append(transaction, _deed("token create", caller, token, wanted.reason, now))
        response.headers["cache-control"] = "no-store"
        return TokenMade(**token.model_dump(by_alias=True), secret=secret)

    @routes.delete("/v1/tokens/{name}", responses=answers(404), dependencies=[needs(Role.ADMIN)])
    def revoke(name: str, caller: Caller, reason: Annotated[Reason, Query()] = "") -> Token:
        """Take a token back: from now on it is refused."""
        now = datetime.now(UTC)
        with database.write() as transaction:
            token = _known(transaction, name)
            _must_govern(caller, token)
            if token.revoked_at is not None:
                return token
            tokens.revoke(transaction, name, caller.name, now)
            audit.append(transaction, _deed("token revoke", caller, token, reason, now))
            return _known(transaction, name)

    return routes


def _refuse_useless(wanted: NewToken, now: datetime) -> None:
    if not wanted.bindings and not wanted.router:
        field = FieldError("bindings", "is empty, and router is not set")
        raise TiermeshError(Code.INVALID_REQUEST, "The token could do nothing.", "Give it a role.", errors=(field,))
    if wanted.expires_at is not None and wanted.expires_at <= now:
        field = FieldError("expiresAt", "has passed")
        raise TiermeshError(Code.CONFLICT, "The token would have ended already.", "Name a later time.", errors=(field,))


def _governed(token: Token) -> list[str]:
    """The namespaces whose admins a token concerns."""
    return [*(binding.namespace for binding in token.bindings), *([EVERYWHERE] if token.router else [])]


def _governs(caller: Principal, token: Token) -> list[bool]:
    return [caller.may(Role.ADMIN, namespace) for namespace in _governed(token)]


def _must_govern(caller: Principal, token: Token) -> None:
    """Nobody gives, or takes, what they do not have themselves."""
    for namespace in _governed(token):
        permit(caller, Role.ADMIN, namespace)


def _known(transaction: Transaction, name: str) -> Token:
    token = tokens.get(transaction, name)
    if token is None:
        near = nearest(name, [other.name for other in tokens.every(transaction)])
        hint = f"Did you mean {near!r}?" if near else "'tiermesh token list' shows those there are."
        raise TiermeshError(Code.NOT_FOUND, f"There is no token {name!r}.", hint)
    return token


def _deed(action: str, caller: Principal, token: Token, reason: str, now: datetime) -> Deed:
    roles = [*map(str, token.bindings), *(["router"] if token.router else [])]
    ends = f"until {token.expires_at:%Y-%m-%d}" if token.expires_at else "without end"
    return Deed(
        at=now,
        who=caller.name,
        via=caller.via,
        address=caller.address,
        action=action,
        what=(f"{token.name} of {token.person}: {', '.join(roles)}, {ends}",),
        reason=reason,
    )
