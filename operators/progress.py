"""Progress: how far the control plane is with an Experiment or a Rollout, as a status says it.

Only what changes when something is decided: a status that followed each number would be written again and again.
"""

from typing import Any

from control_plane.spec.courses import RolloutStatus
from control_plane.spec.results import Results

PROGRESS = frozenset({"phase", "step", "steps", "weight", "mirror", "paused", "problem", "decided", "verdict", "arm"})
"""All fields."""


def of_rollout(found: RolloutStatus) -> dict[str, Any]:
    """Its step, its weight, and why it is where it is."""
    last = found.history[0] if found.history else None
    said = "; ".join(reason.text for reason in last.reasons) if last else None
    return {
        "phase": found.phase.value,
        "step": min(found.step + 1, len(found.steps)),
        "steps": len(found.steps),
        "weight": found.weight,
        "mirror": found.mirror or None,
        "paused": found.paused or None,
        "problem": found.problem,
        "decided": said,
    }


def of_experiment(found: Results) -> dict[str, Any]:
    """Its verdict, as of when it last became another one."""
    last = found.history[0] if found.history else None
    return {
        "phase": found.state.value,
        "verdict": last.code if last else found.verdict.code,
        "arm": last.arm if last else None,
        "decided": last.text if last else None,
    }
