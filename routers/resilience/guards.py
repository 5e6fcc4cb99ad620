"""Guards: the state machines of each Route and Model, at hand for a request, kept over a change of snapshot.

Equal policies over equal Models share their state: a breaker is one Model's at one version, whichever Routes use it. A
Route's is made at its first request; a state that no such Route of the snapshot in force has is forgotten.
"""

from collections.abc import Callable, Hashable
from functools import partial
from typing import TypeVar, cast
from weakref import WeakValueDictionary

from control_plane.spec import resilience
from control_plane.spec.models import Operation
from observability.metrics import RouterMetrics
from routers.resilience.admission import Admission
from routers.resilience.breaker import Breaker, State
from routers.resilience.hedging import Hedger
from routers.resilience.ladder import Ladder
from routers.resilience.mirror import Shadow
from routers.resilience.outliers import Endpoints
from routers.resilience.queues import Standing
from routers.resilience.retries import RetryBudget
from routers.runtime import Backend, Route, Runtime

EVERYBODY = Standing()
"""How who is no tenant stands."""

P = TypeVar("P", bound=Hashable)
S = TypeVar("S")


class Hedgers:
    """A Hedger for each kind of call to one Model: their times to the first byte have nothing in common."""

    __slots__ = ("__weakref__", "_by_kind", "_policy")

    def __init__(self, policy: resilience.Hedging) -> None:
        self._policy = policy
        self._by_kind: dict[tuple[Operation, bool], Hedger] = {}

    def of(self, operation: Operation, stream: bool) -> Hedger:
        """The one for this kind."""
        kind = (operation, stream)
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = Hedger(self._policy)
        return found


class ModelGuard:
    """What is known of one Model."""

    __slots__ = ("breaker", "endpoints", "hedgers", "metrics", "name")

    def __init__(
        self, name: str, breaker: Breaker, endpoints: Endpoints, hedgers: Hedgers, metrics: RouterMetrics
    ) -> None:
        self.name = name
        self.metrics = metrics
        self.breaker = breaker
        self.endpoints = endpoints
        self.hedgers = hedgers


class RouteGuard:
    """What is known of one Route, and of each Model that may answer it, by name."""

    __slots__ = ("admission", "budget", "ladder", "models", "policy", "shadow")

    def __init__(
        self,
        policy: resilience.Resilience,
        models: dict[str, ModelGuard],
        admission: Admission,
        budget: RetryBudget,
        ladder: Ladder,
        shadow: Shadow | None,
    ) -> None:
        self.policy = policy
        self.models = models
        self.admission = admission
        self.budget = budget
        self.ladder = ladder
        self.shadow = shadow

    def describe(self) -> dict[str, object]:
        """What it is doing now, for operators."""
        return {
            "pressure": round(self.admission.pressure, 4),
            "step": self.ladder.step.name.lower().replace("_", "-"),
            "underWay": self.admission.under_way,
            "queued": self.admission.queued,
            "models": {
                name: {
                    "breaker": model.breaker.state.value,
                    "endpoints": model.endpoints.count,
                    "ejected": model.endpoints.ejected,
                }
                for name, model in self.models.items()
            },
        }


class Guards:
    """All of a router's. Belongs to one event loop, and outlives every snapshot."""

    def __init__(self, metrics: RouterMetrics) -> None:
        self._metrics = metrics
        self._states: WeakValueDictionary[Hashable, object] = WeakValueDictionary()
        """As long as a Route has them, or a request that is still under way by an earlier snapshot."""
        self._routes: dict[str, tuple[Route, RouteGuard]] = {}
        self.standings: dict[str, Standing] = {}
        """How each tenant stands against the others; who is not in it, as `EVERYBODY`."""

    def of(self, route: Route) -> RouteGuard:
        """A Route's: one for all its arms, which share its places and its budgets."""
        route = route.base or route
        known = self._routes.get(route.name)
        if known is None or known[0] is not route:
            known = self._routes[route.name] = (route, self._guard(route))
        return known[1]

    def follow(self, runtime: Runtime) -> None:
        """A snapshot comes into force: keep what it names, forget the rest."""
        named = {route.name: route for route in runtime.routes.values()}
        changed = ((named.get(name), *known) for name, known in self._routes.items())
        # All of the old ones are there until the new ones have taken over what they share.
        self._routes = {
            new.name: (new, guard if new is old else self._guard(new)) for new, old, guard in changed if new is not None
        }
        tenants = runtime.snapshot.content.tenants
        self.standings = {tenant.name: Standing(tenant.weight, tenant.priority) for tenant in tenants}

    def report(self) -> None:
        """Set the gauges to what is now."""
        guards = {(name,): guard for name, (_, guard) in self._routes.items()}
        # Of a Model that several Routes use by different policies, the worst is told.
        is_open: dict[tuple[str, ...], float] = {}
        ejected: dict[tuple[str, ...], float] = {}
        for model in (model for guard in guards.values() for model in guard.models.values()):
            name: tuple[str, ...] = (model.name,)
            is_open[name] = max(is_open.get(name, 0), model.breaker.state is not State.CLOSED)
            ejected[name] = max(ejected.get(name, 0), model.endpoints.ejected)
        metrics = self._metrics
        metrics.breaker_open.set(is_open)
        metrics.endpoints_ejected.set(ejected)
        metrics.under_way.set({name: guard.admission.under_way for name, guard in guards.items()})
        metrics.queued.set({name: guard.admission.queued for name, guard in guards.items()})
        metrics.ladder_step.set({name: guard.ladder.step for name, guard in guards.items()})

    def _guard(self, route: Route) -> RouteGuard:
        policy, name = route.resilience, route.name
        return RouteGuard(
            policy,
            {backend.name: self._model(backend, policy) for backend in route.backends},
            self._state(Admission, policy.admission, name),
            self._state(RetryBudget, policy.retries, name),
            self._state(Ladder, policy.ladder, name),
            self._state(Shadow, policy.mirror, name) if policy.mirror else None,
        )

    def _model(self, backend: Backend, policy: resilience.Resilience) -> ModelGuard:
        model = (backend.name, backend.version)
        urls = tuple(endpoint.url for endpoint in backend.endpoints)
        return ModelGuard(
            backend.name,
            self._state(Breaker, policy.breaker, *model),
            self._state(partial(Endpoints, len(urls)), policy.outliers, *model, urls),
            self._state(Hedgers, policy.hedging, *model),
            self._metrics,
        )

    def _state(self, make: Callable[[P], S], policy: P, *owner: Hashable) -> S:
        """The one of this owner by this policy: as it was kept, or a new one."""
        key = (type(policy), policy, *owner)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = make(policy)
        return cast(S, state)
