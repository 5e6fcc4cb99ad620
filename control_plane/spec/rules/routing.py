"""Of Routes: tiers, how they hold out, and what prompts they name."""

from control_plane.spec import prompts, resilience, routes
from control_plane.spec.rules.rule import Rule, Rules, exactly_one, ordered, some

_ANSWERS = "((has(self.tiers.light) ? self.tiers.light : []) + (has(self.tiers.heavy) ? self.tiers.heavy : []))"
_MIRRORED = "has(self.resilience) && has(self.resilience.mirror)"
_FALLS = "has(self.resilience) && has(self.resilience.fallbacks)"
_SHADOW = "a Model that answers cannot be the shadow too: name another"

ROUTES: Rules = {
    routes.Tiers: (
        Rule(f"{some('light')} || {some('heavy')}", "at least one of light and heavy must name a Model"),
        Rule(
            "!has(self.light) || !has(self.heavy) || self.light.all(name, !(name in self.heavy))",
            "a Model may stand only once in tiers: remove it from one",
        ),
        *(
            Rule(
                f"!has(self.{tier}) || self.{tier}.all(name, self.{tier}.exists_one(other, other == name))",
                f"a Model may stand only once in {tier}: remove the other",
                f".{tier}",
            )
            for tier in ("light", "heavy")
        ),
    ),
    routes.SemanticCache: (
        Rule(
            "!has(self.leastSimilarity) || (has(self.compare) && self.compare == 'embedding')",
            "leastSimilarity is for compare: embedding; remove one, or say the other",
            ".leastSimilarity",
        ),
        Rule(
            "has(self.judge) == (has(self.compare) && self.compare == 'judge')",
            "compare: judge needs judge, the name of a Model, and no other has it: give both or none",
            ".judge",
        ),
    ),
    routes.Complexity: (
        Rule(
            "!has(self.contract) || has(self.router)",
            "contract needs router: train one with 'tiermesh router train', or set threshold alone",
            ".contract",
        ),
        Rule(
            "!has(self.router) || has(self.contract) != has(self.threshold)",
            "a router needs either contract, which chooses the threshold, or threshold: give one",
            ".router",
        ),
        Rule(
            "has(self.router) || !has(self.threshold) || self.threshold >= 0.0",
            "a score is never below 0; only the estimates of a router are",
            ".threshold",
        ),
    ),
    routes.Cache: (
        Rule(
            "!has(self.semantic) || !has(self.exact) || !has(self.exact.enabled) || self.exact.enabled",
            "semantic needs the exact cache, which is asked first: leave exact.enabled true",
            ".semantic",
        ),
    ),
    routes.RouteSpec: (
        Rule(
            f"!({_MIRRORED}) || !(self.resilience.mirror.model in {_ANSWERS})"
            f" && !({_FALLS} && self.resilience.mirror.model in self.resilience.fallbacks)",
            _SHADOW,
            ".resilience.mirror.model",
        ),
        Rule(
            f"(!({_FALLS}) || self.resilience.fallbacks.all(name, !name.contains('/')))"
            f" && (!({_MIRRORED}) || !self.resilience.mirror.model.contains('/'))",
            "a Route names Models of its own namespace alone: write the name without a namespace",
            ".resilience",
        ),
    ),
    resilience.Resilience: (
        Rule(
            "!has(self.fallbacks) || self.fallbacks.all(name, self.fallbacks.exists_one(other, other == name))",
            "a Model may stand only once in fallbacks: remove the other",
            ".fallbacks",
        ),
    ),
    resilience.Breaker: (ordered(resilience.Breaker, "open_seconds", "max_open_seconds"),),
    resilience.Outliers: (ordered(resilience.Outliers, "ejection_seconds", "max_ejection_seconds"),),
    resilience.Retries: (ordered(resilience.Retries, "backoff_seconds", "max_backoff_seconds"),),
    resilience.Rung: (
        Rule("self.leave < self.enter", "leave must be lower than enter: between them nothing changes", ".leave"),
    ),
    prompts.Template: (exactly_one("template", "chat"),),
    prompts.RoutePrompt: (
        exactly_one("alias", "version"),
        Rule(
            f"!has(self.variables) || !('{prompts.INPUT}' in self.variables)",
            f"variables.{prompts.INPUT} is what the caller asks: it has no default; remove it",
            ".variables",
        ),
    ),
}
