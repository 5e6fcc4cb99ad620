"""Rendering: what `helm template` makes of values, without a cluster."""

import functools
import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.chart.generate import CHART
from tests.kubernetes.programs import program

RELEASE, NAMESPACE = "tiermesh", "mesh"
OLDEST, NEWEST = 28, 36
VERSIONS = tuple(f"1.{minor}" for minor in range(OLDEST, NEWEST + 1))

Object = dict[str, Any]


def template(values: Mapping[str, Any], version: str = VERSIONS[-1], *more: str) -> subprocess.CompletedProcess[str]:
    """What helm says, however it ends."""
    command = [str(program("helm")), "template", RELEASE, str(CHART), "--namespace", NAMESPACE, "--values", "-"]
    return subprocess.run(
        [*command, "--kube-version", version, *more],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def rendered(values: Mapping[str, Any], version: str = VERSIONS[-1]) -> tuple[Object, ...]:
    """All objects of a release with these values; those of hooks are among them."""
    return _rendered(json.dumps(values), version)


@functools.cache
def _rendered(values: str, version: str) -> tuple[Object, ...]:
    done = template(json.loads(values), version)
    assert done.returncode == 0, done.stderr
    return read(done.stdout)


def read(text: str) -> tuple[Object, ...]:
    """The objects of a manifest."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast; not every build has it
    return tuple(one for one in yaml.load_all(text, loader) if one)


def refusal(values: Mapping[str, Any]) -> str:
    """Why helm does not take these values."""
    done = template(values)
    assert done.returncode != 0, "helm takes them"
    return done.stderr


def of_kind(objects: tuple[Object, ...], kind: str) -> list[Object]:
    """Those of one kind."""
    return [one for one in objects if one["kind"] == kind]


def pods(objects: tuple[Object, ...]) -> Iterator[tuple[str, Object]]:
    """Name and template of everything that starts pods."""
    for one in objects:
        if "template" in one.get("spec", {}):
            yield one["metadata"]["name"], one["spec"]["template"]


def container(objects: tuple[Object, ...], name: str) -> Object:
    """The container of that name."""
    found = (one for _, pod in pods(objects) for one in pod["spec"]["containers"] if one["name"] == name)
    return next(found)
