"""Rules: what a Kubernetes API refuses of documents beyond their types, in its language CEL, and how it says so.

Each says what a validator of the class says in Python, as far as CEL can; the rest is refused by the control plane, and
stands in the resource's condition Accepted. Those that compare with `oldSelf` are the cluster's alone: there a document
has a life, and things of its own to clean up.
"""

from control_plane.spec import arms, metrics, models, scaling, statuses, tenants
from control_plane.spec.base import Spec
from control_plane.spec.rules.amounts import AMOUNTS
from control_plane.spec.rules.routing import ROUTES
from control_plane.spec.rules.rule import Rule, Rules
from control_plane.spec.rules.serving import MODELS
from control_plane.spec.rules.trials import TRIALS

RULES: Rules = MODELS | ROUTES | TRIALS | AMOUNTS

KEYS: dict[type[Spec], str] = {
    models.Adapter: "name",
    tenants.Key: "name",
    arms.Arm: "name",
    metrics.Metric: "name",
    metrics.Guardrail: "metric",
    scaling.Target: "metric",
    statuses.Condition: "type",
}
"""By what the lists of a class are keyed: no two have the same, and two appliers may each have their own."""


def of(kind: type) -> list[Rule]:
    """The rules for objects of a class."""
    return [rule for each in reversed(kind.__mro__) for rule in RULES.get(each, ())]
