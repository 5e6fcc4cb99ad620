"""What every benchmark prints: a table for people, or with `--json` one object for machines."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

_HEADINGS = ("what", "value", "unit", "limit", "holds")


@dataclass(frozen=True, slots=True)
class Bar:
    """One measured figure and, where one is promised, the limit it has to keep."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    better: Literal["lower", "higher"] = "lower"

    @property
    def holds(self) -> bool:
        """Whether the limit is kept; a figure without a limit breaks none."""
        if self.limit is None:
            return True
        return self.value <= self.limit if self.better == "lower" else self.value >= self.limit


def machine_facts() -> dict[str, str | int | float]:
    """What a reader needs to compare two runs: processor, cores this process may use, memory (GiB), kernel, Python."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark's outcome; `notes` say what a reader must know to believe the bars (noise, what was left out)."""

    name: str
    bars: Sequence[Bar]
    machine: Mapping[str, str | int | float] = field(default_factory=machine_facts)
    notes: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        """Whether every bar holds."""
        return all(bar.holds for bar in self.bars)

    def as_object(self) -> dict[str, Any]:
        """`{"name", "machine", "bars": [{"what", "value", "unit", "limit", "holds"}]}`."""
        bars = [{heading: getattr(bar, heading) for heading in _HEADINGS} for bar in self.bars]
        return {"name": self.name, "machine": dict(self.machine), "bars": bars}


def emit(report: Report, as_json: bool) -> int:
    """Print the report on standard output (notes on standard error beside JSON) and return the exit code: 0 or 1."""
    if as_json:
        print(json.dumps(report.as_object(), allow_nan=False))
    else:
        print(_table(report))
    for note in report.notes:
        print(note, file=sys.stderr if as_json else sys.stdout)
    return 0 if report.holds else 1


def _table(report: Report) -> str:
    rows = [_HEADINGS, *(_row(bar) for bar in report.bars)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    facts = ", ".join(f"{key} {value}" for key, value in report.machine.items())
    return "\n".join([f"{report.name} ({facts})", *(_line(row, widths) for row in rows)])


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    what, value, unit, limit, holds = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return f"{what}  {value.strip():>{widths[1]}} {unit}  {limit}  {holds}".rstrip()


def _row(bar: Bar) -> tuple[str, ...]:
    if bar.limit is None:
        return bar.what, _number(bar.value), bar.unit, "", ""
    sign = "≤" if bar.better == "lower" else "≥"
    return bar.what, _number(bar.value), bar.unit, f"{sign} {_number(bar.limit)}", "yes" if bar.holds else "NO"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
