"""Kubernetes' Pod Security Standard "restricted", and what this chart asks of its pods beyond."""

from collections.abc import Iterator

from tests.chart.rendering import Object

_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(pod: Object) -> Iterator[str]:
    """What of a pod's specification the standard forbids.

    Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    for volume in pod.get("volumes", ()):
        if not set(volume) - {"name"} <= _VOLUMES:
            yield f"volume {volume['name']}"
    whole = pod.get("securityContext", {})
    for one in [*pod["containers"], *pod.get("initContainers", ())]:
        name, own = one["name"], one.get("securityContext", {})
        if not own.get("runAsNonRoot", whole.get("runAsNonRoot")):
            yield f"{name}: runAsNonRoot"
        if 0 in (own.get("runAsUser"), whole.get("runAsUser")):
            yield f"{name}: runAsUser"
        profile = own.get("seccompProfile", whole.get("seccompProfile")) or {}
        if profile.get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"{name}: seccompProfile"
        if own.get("privileged") or own.get("allowPrivilegeEscalation", True):
            yield f"{name}: allowPrivilegeEscalation"
        if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
            yield f"{name}: capabilities"
        if any("hostPort" in port for port in one.get("ports", ())):
            yield f"{name}: hostPort"


def laxities(pod: Object) -> Iterator[str]:
    """What the standard allows and no pod here needs."""
    for one in pod["containers"]:
        name = one["name"]
        if not one["securityContext"].get("readOnlyRootFilesystem"):
            yield f"{name}: its file system can be written"
        if not one["resources"].get("requests") or "memory" not in one["resources"].get("limits", {}):
            yield f"{name}: no requests, or no limit of memory"
    if pod.get("enableServiceLinks") is not False:
        yield "Services are told as environment, where they would be taken for settings"
    if "automountServiceAccountToken" not in pod:
        yield "it does not say whether it asks the Kubernetes API"
