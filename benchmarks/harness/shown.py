"""Shown: how soon a custom resource says what is wrong with it, where only the control plane can know."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness.resources import Body, Resources
from benchmarks.harness.wrong_manifests import Wrong, wrong_manifests


class Shown:
    """A namespace for each wrong manifest: none stands in another's way."""

    def __init__(self, kubeconfig: Path, prefix: str) -> None:
        self._wrongs = wrong_manifests("condition")
        self._places = [Resources(kubeconfig, f"{prefix}-{number}") for number, _ in enumerate(self._wrongs)]

    @property
    def namespaces(self) -> str:
        """As an operator's setting lists them."""
        return ",".join(one.namespace for one in self._places)

    async def create(self) -> None:
        """Make the namespaces."""
        for one in self._places:
            await one.create_namespace()

    async def seconds(self) -> list[float]:
        """Of each, from the write to a message that names the field and the cure. Raises TiermeshError where that never
        comes."""
        found = []
        for resources, wrong in zip(self._places, self._wrongs, strict=True):
            if beside := [_within(resources, one) for one in wrong.beside]:
                await resources.apply(beside)
                await resources.until(_all(_is_accepted), *{one["kind"] for one in beside})
            await resources.apply([_within(resources, wrong.manifest)])
            found.append(await resources.until(_one(wrong), wrong.manifest["kind"]))
            await resources.close()
        return found


def _within(resources: Resources, manifest: Mapping[str, Any]) -> Body:
    return resources.body(manifest["kind"], manifest["metadata"]["name"], manifest["spec"])


def _all(right: Callable[[Body], bool]) -> Callable[[list[Body]], bool]:
    return lambda seen: all(map(right, seen))


def _one(wrong: Wrong) -> Callable[[list[Body]], bool]:
    return lambda seen: any(says(one, wrong) for one in seen if one["metadata"]["name"] == wrong.name)


def _is_accepted(body: Body) -> bool:
    return any(one["type"] == "Accepted" and one["status"] == "True" for one in _conditions(body))


def says(body: Body, wrong: Wrong) -> bool:
    """Whether it is said not to be Ready, by the field and with the cure."""
    cure = wrong.shown or wrong.says
    return any(
        one["type"] == "Ready" and one["status"] == "False" and wrong.field in one["message"] and cure in one["message"]
        for one in _conditions(body)
    )


def _conditions(body: Body) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = body.get("status", {}).get("conditions", [])
    return found
