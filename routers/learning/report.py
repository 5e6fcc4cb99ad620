"""The report of a training: one page that needs nothing else. Pure text."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from routers.learning.contract import Contract
from routers.learning.curves import SHARES, Quality
from routers.learning.evaluation import Evaluation
from routers.learning.pairs import Vector
from routers.learning.training import Kept, Trained

_WIDTH, _HEIGHT, _MARGIN = 460, 340, 46
_BINS = 10
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .9rem .25rem 0;text-align:left}
svg{max-width:100%;height:auto}figure{display:inline-block;margin:1rem 1rem 1rem 0}figcaption{max-width:29rem}
.router{stroke:#1763c7}.length{stroke:#c26a00}.random{stroke:#8a93a0;stroke-dasharray:5 4}
path{fill:none;stroke-width:2}.band{fill:#1763c7;opacity:.15}.axis{stroke:#8a93a0;stroke-width:1}
text{font-size:12px;fill:#1c2430}circle{fill:#1763c7}
@media(prefers-color-scheme:dark){body{background:#12161c;color:#e6e9ee}text{fill:#e6e9ee}}"""


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where numbers are drawn: x and y from low to high."""

    x: tuple[float, float]
    y: tuple[float, float]

    def place(self, x: float, y: float) -> str:
        """A point of the drawing."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return f"{_MARGIN + across * (_WIDTH - 2 * _MARGIN):.1f} {_HEIGHT - _MARGIN - up * (_HEIGHT - 2 * _MARGIN):.1f}"

    def path(self, xs: Vector, ys: Vector) -> str:
        """A line through points."""
        return "M" + "L".join(map(self.place, xs.tolist(), ys.tolist()))

    def svg(self, parts: Sequence[str], across: str, up: str) -> str:
        """A drawing with its axes."""
        corners = [
            self.place(*corner) for corner in ((self.x[0], self.y[1]), (self.x[0], self.y[0]), (self.x[1], self.y[0]))
        ]
        ticks = [self._label(place, self.y[0], f"{place:.2g}", 0, 16, "middle") for place in np.linspace(*self.x, 5)]
        ticks += [self._label(self.x[0], place, f"{place:.2g}", -6, 4, "end") for place in np.linspace(*self.y, 5)]
        names = f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>'
        names += f'<text x="12" y="24">{escape(up)}</text>'
        axes = f'<path class="axis" d="M{"L".join(corners)}"/>'
        drawn = "".join([axes, *ticks, names, *parts])
        return f'<svg role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}">{drawn}</svg>'

    def _label(self, x: float, y: float, text: str, right: int, down: int, anchor: str) -> str:
        left, top = map(float, self.place(x, y).split())
        return f'<text x="{left + right:.1f}" y="{top + down:.1f}" text-anchor="{anchor}">{text}</text>'


def page(name: str, judged: Evaluation, trained: Trained) -> str:
    """The whole page; `judged` is the cross-validation of the same questions."""
    body = [
        f"<h1>Router {escape(name)}</h1>",
        f"<p>Cross-validated on {len(judged.gains)} questions: each was scored by a model that had not seen it. "
        "Intervals are 95%.</p>",
        _qualities(judged),
        _figure(
            _cost_quality(judged),
            "What share of the heavy tier's gain is kept, for a share of heavy calls: the "
            "router with its interval, length alone (orange), chance (grey).",
        ),
        _figure(
            _calibration(judged.estimates, judged.gains),
            "The gain that the model states, and the one that was seen, "
            "in tenths of the questions. On the line the model is calibrated.",
        ),
        "<h2>Quality contracts</h2>",
        _contracts(trained.kept, trained.judged),
    ]
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Router {escape(name)}</title>'
    )
    head += f"<style>{_STYLE}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _qualities(judged: Evaluation) -> str:
    rows = "".join(
        _row(*each) for each in (("router", judged.router), ("length", judged.length), ("random", judged.random))
    )
    return f"<table><tr><th></th><th>APGR</th><th>95%</th><th>CPT(50%)</th><th>CPT(80%)</th></tr>{rows}</table>"


def _row(name: str, found: Quality) -> str:
    low, high = found.apgr_ci
    cells = (f"{found.apgr:.3f}", f"{low:.3f} to {high:.3f}", f"{found.cpt50:.1%}", f"{found.cpt80:.1%}")
    return f"<tr><th>{name}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _figure(drawing: str, caption: str) -> str:
    return f"<figure>{drawing}<figcaption>{caption}</figcaption></figure>"


def _cost_quality(judged: Evaluation) -> str:
    frame = _Frame((0, 1), (0, max(1.0, float(judged.router.high.max()))))
    band = frame.path(np.r_[SHARES, SHARES[::-1]], np.r_[judged.router.low, judged.router.high[::-1]])
    lines = [(name, getattr(judged, name).curve) for name in ("random", "length", "router")]
    drawn = [f'<path class="{name}" d="{frame.path(SHARES[::10], curve[::10])}"/>' for name, curve in lines]
    return frame.svg([f'<path class="band" d="{band}Z"/>', *drawn], "share of heavy calls", "gain recovered")


def _calibration(estimates: Vector, gains: Vector) -> str:
    bins = np.array_split(np.argsort(estimates, kind="stable"), min(_BINS, len(gains)))
    points = [(float(estimates[rows].mean()), *_interval(gains[rows])) for rows in bins]
    edges = [edge for point in points for edge in point]
    low, high = min(edges), max(max(edges), min(edges) + 0.01)
    frame = _Frame((low, high), (low, high))
    ends = np.array([low, high])
    parts = [f'<path class="random" d="{frame.path(ends, ends)}"/>']
    for stated, least, seen, most in points:
        parts.append(f'<path class="router" d="{frame.path(np.array([stated, stated]), np.array([least, most]))}"/>')
        x, y = frame.place(stated, seen).split()
        parts.append(f'<circle cx="{x}" cy="{y}" r="4"/>')
    return frame.svg(parts, "gain stated", "gain seen")


def _interval(gains: Vector) -> tuple[float, float, float]:
    mean, error = float(gains.mean()), float(gains.std() / len(gains) ** 0.5)
    return mean - 1.96 * error, mean, mean + 1.96 * error


def _contracts(kept: Sequence[tuple[Contract, Kept]], judged: int) -> str:
    rows = "".join(
        f"<tr><td>{asked.max_loss:g}</td><td>{asked.confidence:.0%}</td><td>{found.threshold:.4f}</td>"
        f"<td>{found.saved:.1%}</td><td>{found.loss:.4f}</td></tr>"
        for asked, found in kept
    )
    head = "".join(
        f"<th>{name}</th>" for name in ("loss at most", "confidence", "threshold", "heavy calls saved", "loss seen")
    )
    said = f"<p>Chosen by {judged} questions, each judged by a model that had not seen it.</p>"
    return f"{said}<table><tr>{head}</tr>{rows}</table>"
