"""Callers: who asks, found before anything else of a request is read; and what each operation needs of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from control_plane.api.problems import note, problem
from control_plane.auth.authenticator import Authenticator
from control_plane.auth.door import LOOPBACK, Knock
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.names import DEFAULT_NAMESPACE
from control_plane.spec.people import EVERYWHERE, Principal, Role
from control_plane.store.provenance import Origin

_CALLER = "caller"
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


class Authenticated:
    """ASGI middleware: nothing behind it is reached by a request whose caller is not known."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its caller, or answer why not."""
        if scope["type"] != "http":
            return
        try:
            scope.setdefault("state", {})[_CALLER] = await self._authenticator.principal(_knock(scope))
        except TiermeshError as error:
            note(scope, error)
            await problem(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def caller(request: Request) -> Principal:
    """Who makes this request."""
    found = caller_of(request.scope)
    assert found is not None  # the middleware lets nobody else through
    return found


Caller = Annotated[Principal, Depends(caller)]


@dataclass(frozen=True, slots=True)
class Need:
    """What an operation needs of its caller: a dependency, so that it stands where the operation is declared."""

    role: Role | None
    """None: anybody who is known."""
    everywhere: bool
    """In all namespaces; otherwise in one at least, and the operation itself looks at which."""
    routers: bool
    """Whether routers may do it too, by what they are."""

    async def __call__(self, caller: Caller) -> None:
        """Raises TiermeshError(FORBIDDEN) with the role that is needed."""
        if self.role is None or (self.routers and caller.router):
            return
        if self.everywhere:
            permit(caller, self.role, EVERYWHERE)
        elif not any(caller.may(self.role, namespace) for namespace in caller.namespaces):
            raise _forbidden(caller, self.role, DEFAULT_NAMESPACE)


def needs(role: Role | None, *, everywhere: bool = False, routers: bool = False) -> Any:
    """What stands in the `dependencies` of every operation; a test fails where it is missing."""
    return Depends(Need(role, everywhere, routers))


def need_of(route: APIRoute) -> Iterator[Need]:
    """What an operation declares."""
    for dependant in route.dependant.dependencies:
        if isinstance(dependant.call, Need):
            yield dependant.call


def permit(caller: Principal, role: Role, namespace: str) -> None:
    """Raises TiermeshError(FORBIDDEN) unless the caller has the role in the namespace."""
    if not caller.may(role, namespace):
        raise _forbidden(caller, role, namespace)


def author_of(caller: Principal, given: str | None) -> str:
    """Who is written down as the author: the caller. Only who sits at this machine may say another name.

    Raises TiermeshError(FORBIDDEN) where somebody else does.
    """
    if given is None or given == caller.name or caller.via == LOOPBACK:
        return given or caller.name
    raise TiermeshError(
        Code.FORBIDDEN,
        f"The author would be {given!r}, but the token is that of {caller.name!r}.",
        "Leave the author out: it is whoever the token stands for.",
        errors=(FieldError("author", f"must be {caller.name!r} or left out"),),
    )


def origin_of(caller: Principal) -> Origin:
    """How and from where a change comes."""
    return Origin(caller.via, caller.address)


def caller_of(scope: Scope) -> Principal | None:
    """Who makes a request, once that is known."""
    found = scope.get("state", {}).get(_CALLER)
    return found if isinstance(found, Principal) else None


def _knock(scope: Scope) -> Knock:
    headers = Headers(scope=scope)
    peer = scope.get("client")
    return Knock(
        address=peer[0] if peer else "",
        authorizations=tuple(headers.getlist("authorization")),
        hosts=tuple(headers.getlist("host")),
        origins=tuple(headers.getlist("origin")),
        fetch_site=headers.get("sec-fetch-site"),
        forwarded=any(name in headers for name in _FORWARDED),
    )


def _forbidden(caller: Principal, role: Role, namespace: str) -> TiermeshError:
    where = "all namespaces" if namespace == EVERYWHERE else f"the namespace {namespace!r}"
    has = ", ".join(map(str, caller.bindings)) or ("what routers may" if caller.router else "no role")
    return TiermeshError(
        Code.FORBIDDEN,
        f"{caller.name!r} has {has}; this needs {role} in {where}.",
        f"An admin gives it: 'tiermesh token create NAME --grant {role}@{namespace}'.",
    )
