"""Whether a start can succeed: pure, over facts. Each problem is one sentence that names it and the cure."""

from collections.abc import Iterable, Mapping

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from control_plane.spec.documents import Model
from control_plane.spec.models import Engine
from launcher.machine import DISTRIBUTION, Facts
from launcher.settings import PREFIX, UpSettings

ALWAYS = ("router", "control-plane", "cli", "up")
"""Extras without which nothing starts."""


def problems(facts: Facts, settings: UpSettings, models: Iterable[Model]) -> list[str]:
    """Everything that stands in the way of running these Models here, worst first. Empty: go."""
    models = list(models)
    return [
        *_python(facts),
        *_packages(facts, models),
        *_shared_ports(settings.ports),
        *_busy_ports(facts, settings.ports),
        *_memory(facts, settings, models),
    ]


def _python(facts: Facts) -> Iterable[str]:
    if not SpecifierSet(facts.supported_python).contains(facts.python):
        yield (
            f"Python {facts.python} runs this, which needs {facts.supported_python}: "
            "make the virtual environment with a Python of that range."
        )


def _packages(facts: Facts, models: list[Model]) -> Iterable[str]:
    extras = needed_extras(models)
    for requirement in map(Requirement, facts.requirements):
        name = canonicalize_name(requirement.name)
        if name == DISTRIBUTION or not _applies(requirement, extras):
            continue
        version = facts.installed.get(name)
        cure = f"run 'make install' in a checkout, or pip install '{DISTRIBUTION}[up]'."
        if version is None:
            yield f"The package {name} is not installed: {cure}"
        elif not requirement.specifier.contains(version, prereleases=True):
            yield f"The package {name} is {version}, where {requirement.specifier} is needed: {cure}"


def needed_extras(models: Iterable[Model]) -> set[str]:
    """The extras of this distribution that running these Models takes. vLLM is never one: transformers can do."""
    extras = set(ALWAYS)
    for model in models:
        extras.add("models")
        if model.spec.engine is not Engine.FAQ and (model.spec.source or "").startswith("bundled://"):
            extras.add("bundled")
    return extras


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def _shared_ports(ports: Mapping[str, int]) -> Iterable[str]:
    first: dict[int, str] = {}
    for name, port in ports.items():
        if port in first:
            yield f"Port {port} is both {_variable(first[port])} and {_variable(name)}: give one of them another."
        first.setdefault(port, name)


def _busy_ports(facts: Facts, ports: Mapping[str, int]) -> Iterable[str]:
    for name, port in ports.items():
        if port in facts.busy:
            yield f"Port {port} is {facts.busy[port]}: free it, or set {_variable(name)} to another."


def _memory(facts: Facts, settings: UpSettings, models: list[Model]) -> Iterable[str]:
    sizes = {
        model.metadata.qualified_name: model.spec.resources.memory_gib * model.spec.replicas.min for model in models
    }
    needed = sum(sizes.values()) + settings.overhead_gib
    if needed > facts.available_gib:
        parts = ", ".join(f"{name} {size:g}" for name, size in sizes.items())
        yield (
            f"{needed:.1f} GiB of memory are needed ({parts}, the rest {settings.overhead_gib:g}) and "
            f"{facts.available_gib:.1f} GiB are available: close other programs, or start with smaller or fewer "
            "Models (tiermesh up -f DIR)."
        )


def _variable(port: str) -> str:
    return PREFIX + port.upper()
