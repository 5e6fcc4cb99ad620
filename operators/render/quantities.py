"""Amounts as Kubernetes writes them itself, so that a live object holds them as they were rendered."""

import math

_MIB = 1024


def cpus(cores: float) -> str:
    """0.5 -> "500m", 2.0 -> "2"; no less than a thousandth of a core, up to the next."""
    milli = max(1, math.ceil(round(cores * 1000, 6)))
    return f"{milli}m" if milli % 1000 else str(milli // 1000)


def gib(amount: float) -> str:
    """0.6 -> "615Mi", 2.0 -> "2Gi"; up to the next MiB."""
    mib = max(1, math.ceil(round(amount * _MIB, 6)))
    return f"{mib}Mi" if mib % _MIB else f"{mib // _MIB}Gi"
