"""Rounds: every gateway gets every load in turn, so that each figure has its pair from the same moment."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.harness.gateways import Gateway
from benchmarks.harness.load import Load, Measurement, Window, measure
from benchmarks.harness.processes import Cores

Round = Mapping[tuple[str, str], Measurement]
"""(gateway's name, load's name) -> what was measured."""
Figure = Callable[[Measurement], float]

_QUIET = 0.1
"""Above this share of a core for others, latencies say more about the others."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where measuring happens and how long."""

    cores: Cores
    stub: Gateway
    window: Window


def take_rounds(
    bench: Bench, plan: Mapping[Gateway, Mapping[str, Load]], count: int, say: Callable[[str], None]
) -> Iterator[Round]:
    """Measure `plan` (each gateway's loads) `count` times; odd rounds go the other way round. `say` hears of each."""
    for number in range(count):
        taken: dict[tuple[str, str], Measurement] = {}
        order = list(plan.items())[:: -1 if number % 2 else 1]
        for name in dict.fromkeys(name for loads in plan.values() for name in loads):
            for gateway, loads in order:
                if name in loads:
                    taken[gateway.name, name] = measure(loads[name], gateway, bench.stub, bench.cores, bench.window)
        say(f"round {number + 1} of {count}: others used {statistics.median(_noise([taken])):.0%} of a core")
        yield taken


def notes(rounds: Sequence[Round]) -> list[str]:
    """What a reader must know to believe figures from these rounds."""
    usual, most = statistics.median(_noise(rounds)), max(_noise(rounds))
    figures = f"CPU times are of the quietest round, other figures medians; rounds: {len(rounds)}."
    found = [f"{figures} Others used {usual:.0%} of a core, at most {most:.0%}."]
    if usual > _QUIET:
        found.append("The machine was busy: times are upper bounds, and ratios are rough.")
    return found


def _noise(rounds: Sequence[Round]) -> list[float]:
    return [taken.noise for one in rounds for taken in one.values()]


def median(rounds: Sequence[Round], gateway: str, load: str, figure: Figure) -> float:
    """A figure of one gateway under one load."""
    return statistics.median(figure(one[gateway, load]) for one in rounds)


def least(rounds: Sequence[Round], gateway: str, load: str, figure: Figure) -> float:
    """The same of the quietest round: CPU time grows with what neighbours do to the caches, and never shrinks."""
    return min(figure(one[gateway, load]) for one in rounds)


def median_difference(rounds: Sequence[Round], gateway: str, base: str, load: str, figure: Figure) -> float:
    """How much more one gateway has than another, round by round."""
    return statistics.median(figure(one[gateway, load]) - figure(one[base, load]) for one in rounds)


def median_ratio(rounds: Sequence[Round], gateway: str, base: str, load: str, figure: Figure) -> float:
    """How many times as much one gateway has as another, round by round."""
    return statistics.median(figure(one[gateway, load]) / figure(one[base, load]) for one in rounds)
