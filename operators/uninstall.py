"""`python -m operators.uninstall`: before the operator goes for good, so that nothing waits for it for ever.

The operator holds a finalizer on every custom resource. With `--delete` they are deleted while it still runs, so that
it takes their documents back and the cluster collects what they made. Without, they stay, and what they made runs on.
Then the operator is stopped, or it would hold them again, and whatever is left is released: from then on anybody can
delete it, and an operator that is installed later takes it up as it is.
"""

import argparse
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lightkube import ApiError, Client
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.apps_v1 import Deployment
from lightkube.types import PatchType

from control_plane.spec.errors import TiermeshError
from observability import logging as logs
from operators.apply import kubeconfig
from operators.kinds import FINALIZER, GROUP, KINDS, VERSION

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_NOT_FOUND, _CONFLICT = 404, 409

Resources = Iterator[tuple[Any, Any]]
"""Custom resources, each with its kind as lightkube has it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 nothing waits for the operator any more, 1 that could not be reached."""
    parser = argparse.ArgumentParser(
        prog="python -m operators.uninstall", description="Let go of all custom resources."
    )
    parser.add_argument("--operator", required=True, metavar="NAMESPACE/NAME", help="the operator's Deployment")
    parser.add_argument("--namespace", action="append", default=[], help="where it works; left out: everywhere")
    parser.add_argument("--delete", action="store_true", help="delete the custom resources, and wait for the operator")
    parser.add_argument("--seconds", type=float, default=120, help="how long each step may take")
    given = parser.parse_args(arguments)
    logs.configure("INFO")
    try:
        client = Client(config=kubeconfig())
        leave(client, given.operator, given.namespace or ["*"], given.delete, given.seconds)
    except (ApiError, TiermeshError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def leave(client: Client, operator: str, namespaces: Sequence[str], delete: bool, seconds: float) -> None:
    """All of it. `operator` is NAMESPACE/NAME; a namespace `*` is all of them; `seconds` is for each wait.

    Raises ApiError where the cluster refuses.
    """
    if delete:
        for kind, one in _every(client, namespaces):
            with _gone_is_fine():
                client.delete(kind, one.metadata.name, namespace=one.metadata.namespace)
        if not _awaited(lambda: next(_every(client, namespaces), None) is None, seconds):
            logger.warning("the operator has not cleaned up in time: what is left is let go of as it is")
    namespace, _, name = operator.partition("/")
    stop = {"spec": {"replicas": 0}}
    with _gone_is_fine():
        client.patch(Deployment.Scale, name, stop, namespace=namespace)
    if not _awaited(lambda: not _runs(client, name, namespace), seconds):
        logger.warning("the operator has not stopped in time: it may hold custom resources again")
    released = sum(_released(client, kind, one) for kind, one in _every(client, namespaces))
    logger.info("nothing waits for the operator any more", extra={"fields": {"released": released}})


def _every(client: Client, namespaces: Sequence[str]) -> Resources:
    """All custom resources of these namespaces. A kind without a definition has none."""
    for name, plural in KINDS.items():
        kind = create_namespaced_resource(GROUP, VERSION, name, plural)
        for namespace in namespaces:
            try:
                yield from ((kind, one) for one in client.list(kind, namespace=namespace))
            except ApiError as error:
                if error.status.code != _NOT_FOUND:
                    raise


def _released(client: Client, kind: Any, one: Any) -> bool:
    """Whether the operator held it, and does no more. Somebody else's finalizers stay."""
    while FINALIZER in (one.metadata.finalizers or ()):
        left = [other for other in one.metadata.finalizers if other != FINALIZER]
        patch = {"metadata": {"finalizers": left or None, "resourceVersion": one.metadata.resourceVersion}}
        name, namespace = one.metadata.name, one.metadata.namespace
        try:
            client.patch(kind, name, patch, namespace=namespace, patch_type=PatchType.MERGE)
            return True
        except ApiError as error:
            if error.status.code == _NOT_FOUND:
                return True
            if error.status.code != _CONFLICT:
                raise
            one = client.get(kind, name, namespace=namespace)
    return False


def _runs(client: Client, name: str, namespace: str) -> bool:
    """Whether the operator has pods."""
    try:
        status = client.get(Deployment, name, namespace=namespace).status
    except ApiError as error:
        if error.status.code == _NOT_FOUND:
            return False
        raise
    return bool(status and status.replicas)


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        if error.status.code != _NOT_FOUND:
            raise


def _awaited(done: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true within so many seconds."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= until:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


if __name__ == "__main__":
    sys.exit(main())
