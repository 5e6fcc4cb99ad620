"""Of Experiments and Rollouts: arms, units, and what is measured of them."""

from control_plane.spec import arms, experiments, metrics, rollouts
from control_plane.spec.rules.rule import Rule, Rules, among, exactly_one, fixed, or_default, some
from control_plane.spec.sampling import Sampling

_SECRETS = among(sorted(arms.SECRET_HEADERS))
_NO_SECRET = f"names a secret ({', '.join(sorted(arms.SECRET_HEADERS))}): write tenant: true, or name another header"
_SPREAD = among(sorted(metrics.SPREAD))
_BUILT_IN = sorted(metrics.BUILT_IN)
_GUARDED = Rule(
    f"!has(self.guardrails) || self.guardrails.all(one, one.metric in {among(_BUILT_IN)}"
    " || (has(self.metrics) && self.metrics.exists(metric, metric.name == one.metric)))",
    f"a guardrail names a metric that is not there: name one of metrics, or {', '.join(_BUILT_IN)}",
    ".guardrails",
)
_KIND = or_default(experiments.Allocation, "kind")
_BANDIT = "has(self.allocation) && has(self.allocation.kind) && self.allocation.kind == 'bandit'"
_LEAST = experiments.Allocation().least
_FLOOR = f"(has(self.allocation.floor) ? self.allocation.floor : {_LEAST})"
_END = f"{or_default(experiments.Traffic, 'from_')} + {or_default(experiments.Traffic, 'percent')}"
_SAYS = " || ".join(f"has(self.override.{field})" for field in ("prompt", "tiers", "complexity", "cache"))
_SAMPLES = " || ".join(f"has(self.override.sampling.{field.alias})" for field in Sampling.model_fields.values())

_METRIC = (
    Rule(
        "(self.kind == 'quantile') == has(self.quantile)",
        "kind quantile needs quantile, and no other has it",
        ".quantile",
    ),
    Rule(
        f"self.kind != 'quantile' || self.of in {_SPREAD}",
        f"this has no quantiles: name one of {', '.join(sorted(metrics.SPREAD))}",
        ".of",
    ),
    Rule(
        f"self.kind != 'proportion' || !(self.of in {_SPREAD})",
        "this is no share: write mean, ratio or quantile",
        ".kind",
    ),
    Rule("self.kind == 'ratio' || !has(self.per)", "only kind ratio has per: remove it", ".per"),
    Rule("(self.of == 'judge') == has(self.judge)", "of judge needs judge, and no other has it", ".judge"),
)
_EXPERIMENT = (
    fixed("route", "delete the Experiment, and apply another of the other Route"),
    Rule(
        "self.arms.exists(arm, !has(arm.weight) || arm.weight > 0.0)",
        "at least one arm needs a weight above 0",
        ".arms",
    ),
    Rule(
        "!has(self.forced) || self.forced.all(name, self.arms.exists(arm, arm.name == name))",
        "forced names an arm that is not there: name one of arms",
        ".forced",
    ),
    Rule(
        f"!({_BANDIT}) || {_FLOOR} * double(size(self.arms)) <= 1.0",
        f"the floor of all arms together is above 1: lower it (it is {_LEAST} where it is left out)",
        ".allocation.floor",
    ),
    Rule(
        f"!({_BANDIT}) || (has(self.metrics) && self.metrics.exists(one, has(one.primary) && one.primary))",
        "a bandit follows a primary metric: mark one with primary: true",
        ".allocation.kind",
    ),
    _GUARDED,
)
_ROLLOUT = (
    fixed("route", "delete the Rollout, and apply another of the other Route"),
    Rule(f"has(self.override) != {some('onChange')}", "exactly one of override and onChange must be given"),
    Rule(
        f"!has(self.override) || {_SAYS} || (has(self.override.sampling) && ({_SAMPLES}))",
        "override says nothing: name what changes",
        ".override",
    ),
    Rule(
        f"!self.steps.exists(step, has(step.analysis)) || {some('guardrails')}",
        "an analysis has nothing to show: add guardrails",
        ".guardrails",
    ),
    Rule(
        "!has(self.steps[0].analysis)",
        "no request reaches the candidate yet: set a weight before an analysis",
        ".steps",
    ),
    _GUARDED,
)

TRIALS: Rules = {
    arms.Unit: (
        exactly_one("header", "field", "tenant", "request"),
        Rule(f"!has(self.header) || !(self.header in {_SECRETS})", f"header {_NO_SECRET}", ".header"),
    ),
    metrics.Margin: (exactly_one("relative", "absolute"),),
    metrics.Measure: (
        Rule(
            "(self.of == 'outcome') == has(self.outcome)",
            "outcome is the name that callers report: give it where of is outcome, and only there",
            ".outcome",
        ),
    ),
    metrics.Metric: _METRIC,
    experiments.Traffic: (
        Rule(
            f"{_END} <= 100.0 + {experiments.ROUNDING!r}",
            "from + percent is above 100, where a layer ends (percent is 100 where it is left out): lower one",
            ".percent",
        ),
    ),
    experiments.Targeting: (
        Rule(
            f"!has(self.headers) || self.headers.all(name, !(name in {_SECRETS}))", f"a header {_NO_SECRET}", ".headers"
        ),
    ),
    experiments.Allocation: (
        Rule(f"!has(self.floor) || {_KIND} == 'bandit'", "only kind bandit has floor: remove it", ".floor"),
    ),
    experiments.ExperimentSpec: _EXPERIMENT,
    rollouts.Step: (exactly_one("setWeight", "analysis", "pause", "mirror"),),
    rollouts.RolloutSpec: _ROLLOUT,
}
