"""All that is rendered, against the schemas of those who read it."""

from collections.abc import Iterator
from typing import Any

import pytest

from operators.render import Object, differs
from tests.kubernetes import schemas
from tests.unit.operators.render.samples import everything

ALL = everything()


def objects() -> list[Object]:
    """All of them, each distinct one once."""
    found: dict[str, Object] = {}
    for rendered in ALL.values():
        for one in rendered.objects:
            found[repr(one)] = one
    return list(found.values())


KINDS = sorted({(one["apiVersion"], one["kind"]) for one in objects()})


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_every_object_is_as_the_schema_of_its_kind_says(version: str, kind: str) -> None:
    for one in objects():
        if (one["apiVersion"], one["kind"]) == (version, kind):
            schemas.check(one)


def test_a_field_that_no_schema_knows_is_found() -> None:
    for kind in ("RayService", "Deployment"):
        one = next(one for one in objects() if one["kind"] == kind)
        with pytest.raises(Exception, match="unexpected"):
            schemas.check({**one, "spec": {**one["spec"], "unexpected": 1}})


def test_a_second_render_is_the_first() -> None:
    again = everything()
    assert again == ALL
    for name, rendered in ALL.items():
        for first, second in zip(rendered.objects, again[name].objects, strict=True):
            assert not differs(first, second), name


def test_no_object_stands_twice_in_a_render_and_each_name_fits() -> None:
    for name, rendered in ALL.items():
        names = [(one["kind"], one["metadata"]["name"]) for one in rendered.objects]
        assert len(set(names)) == len(names), name
        assert all(len(own) <= 63 for _, own in names)


def test_what_is_empty_or_nothing_is_not_written() -> None:
    for name, rendered in ALL.items():
        for one in rendered.objects:
            nothing = [path for path, value in leaves(one) if value is None or value == []]
            assert not nothing, (name, nothing)


def test_every_pod_passes_the_restricted_level() -> None:
    for name, rendered in ALL.items():
        for pod in pods(rendered.objects):
            assert pod["securityContext"]["runAsNonRoot"] is True, name
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            # A Service `tiermesh-…` would be told as TIERMESH_…, which our processes refuse as settings.
            assert pod["enableServiceLinks"] is False, name
            for container in pod["containers"]:
                assert container["securityContext"]["allowPrivilegeEscalation"] is False
                assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            allowed = {"emptyDir", "persistentVolumeClaim", "configMap"}
            assert all(volume.keys() - {"name"} <= allowed for volume in pod.get("volumes", []))


def test_secrets_are_named_and_never_written() -> None:
    for name, rendered in ALL.items():
        assert all(one["kind"] != "Secret" for one in rendered.objects), name
    wishing = [rendered for name, rendered in ALL.items() if "wishing" in name and rendered.objects]
    assert wishing
    for rendered in wishing:
        references = [
            value for one in rendered.objects for path, value in leaves(one) if path.endswith("secretRef.name")
        ]
        assert references
        assert set(references) == {"hugging-face"}


def pods(rendered: tuple[Object, ...]) -> Iterator[dict[str, Any]]:
    """Every pod that objects describe; KServe's in the form of one."""
    for one in rendered:
        spec = one.get("spec", {})
        match one["kind"]:
            case "Deployment":
                yield spec["template"]["spec"]
            case "RayService":
                cluster = spec["rayClusterConfig"]
                for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
                    yield group["template"]["spec"]
            case "InferenceService":
                yield {**spec["predictor"], "containers": [spec["predictor"]["model"]]}
            case "LLMInferenceService":
                yield spec["template"]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that holds no other, with its path."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}")
    elif isinstance(value, list) and value:
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value
