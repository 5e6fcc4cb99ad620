"""What only the control plane can refuse is shown in a condition, by a message that names the field and the cure."""

from contextlib import ExitStack
from functools import partial

from benchmarks.harness.wrong_manifests import wrong_manifests
from tests.integration.kubernetes.mesh import Mesh, until


def _names(cure: str, ready: tuple[str, str, str]) -> bool:
    return cure in ready[2]


def test_all_that_only_the_control_plane_can_refuse_is_shown_with_its_field_and_the_cure(mesh: Mesh) -> None:
    wrongs = wrong_manifests("condition")
    with ExitStack() as stack:
        apart = [stack.enter_context(mesh.beside(str(number))) for number in range(len(wrongs))]
        operator = stack.enter_context(mesh.operator(namespaces=",".join(one.namespace for one in apart)))
        operator.wait()
        for one, wrong in zip(apart, wrongs, strict=True):
            one.put(*wrong.beside)
        for one, wrong in zip(apart, wrongs, strict=True):
            # Of two that cannot both be in force, the one that comes to the control plane first is.
            for beside in wrong.beside:
                look = partial(one.condition, beside["kind"], beside["metadata"]["name"], "Accepted")
                until(look, lambda found: found[0] == "True")
            one.put(wrong.manifest)
        for one, wrong in zip(apart, wrongs, strict=True):
            look = partial(one.condition, wrong.manifest["kind"], wrong.name)
            cure = wrong.shown or wrong.says
            # Before what stands beside it is known, there is nothing that it may have meant.
            state, _, said = until(look, partial(_names, cure))
            assert state == "False" and wrong.field in said, (wrong.what, said)
