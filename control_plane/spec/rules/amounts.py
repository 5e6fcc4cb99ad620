"""Of ScalingPolicies and Tenants: how much may run, and how much may be asked."""

from control_plane.spec import scaling, tenants
from control_plane.spec.rules.rule import Rule, Rules, among, fixed, or_default, some

_MIN = or_default(scaling.ScalingPolicySpec, "min")
_DEMAND = among(sorted(scaling.DEMAND))

AMOUNTS: Rules = {
    tenants.Quotas: (
        Rule(
            "!has(self.burst) || has(self.requestsPerSecond)",
            "burst needs requestsPerSecond: give it, or remove burst",
            ".burst",
        ),
    ),
    scaling.Target: (
        Rule(
            f"self.metric in {_DEMAND} || self.target <= 100.0",
            "this metric is in percent: write 100 or less",
            ".target",
        ),
    ),
    scaling.Window: (Rule("self.start != self.end", "the window ends when it starts: write another end", ".end"),),
    scaling.ScalingPolicySpec: (
        fixed("model", "delete the ScalingPolicy, and apply another for the other Model"),
        Rule(f"{_MIN} <= self.max", "min must not be greater than max; where it is left out, it is 1", ".min"),
        Rule(
            f"!has(self.schedule) || self.schedule.all(one, {_MIN} <= one.min && one.min <= self.max)",
            "min of a window must lie between min and max",
            ".schedule",
        ),
        Rule(
            f"{some('signals')} || {some('schedule')}",
            "at least one of signals and schedule must be given: nothing else changes the replicas",
            ".signals",
        ),
        Rule(
            f"{_MIN} > 0 || (has(self.signals) && self.signals.exists(one, one.metric in {_DEMAND}))",
            "min: 0 needs a signal concurrency or queue: nothing else shows while nothing runs",
            ".min",
        ),
    ),
}
