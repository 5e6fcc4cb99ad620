"""Drawing: false verdicts look by look, as SVG that reads on light and dark paper."""

from collections.abc import Sequence

from benchmarks.trials.peeking import EVERY, UNITS, Found

_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 150, 24, 44
_MOST = 0.5
_GREY, _RED, _BLUE = "#808080", "#d1495b", "#3577b5"
_ALPHA = 0.05


def false_verdicts(found: Found) -> str:
    """The share of experiments without a difference that have been called different so far."""
    marks = [
        *(_level(share, f"{share:.0%}") for share in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)),
        *(_text(_x(units), _HEIGHT - 24, f"{units:,}", "middle") for units in range(0, UNITS + 1, 5000)),
        _text((_x(0) + _x(UNITS)) / 2, _HEIGHT - 6, "units, with a look after every 100", "middle"),
        f'<path d="M{_x(0)} {_y(_ALPHA)}H{_x(UNITS)}" stroke="{_GREY}" stroke-dasharray="4 4"/>',
        _text(_x(UNITS) + 8, _y(_ALPHA) - 2, "agreed: 5%"),
        _line(found.fixed, _RED),
        _text(_x(UNITS) + 8, _y(found.fixed[-1]) + 4, f"fixed-horizon: {found.fixed[-1]:.0%}", color=_RED),
        _line(found.anytime, _BLUE),
        _text(_x(UNITS) + 8, _y(found.anytime[-1]) + 4, f"anytime-valid: {found.anytime[-1]:.1%}", color=_BLUE),
    ]
    told = "Experiments without a difference that have been called different so far, by how many units they have."
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{told}"'
    return "\n".join([f'{head} font-family="sans-serif" font-size="12" fill="none">', *marks, "</svg>", ""])


def _x(units: float) -> float:
    return round(_LEFT + units / UNITS * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float) -> float:
    return round(_HEIGHT - _BOTTOM - share / _MOST * (_HEIGHT - _TOP - _BOTTOM), 1)


def _level(share: float, label: str) -> str:
    line = f'<path d="M{_x(0)} {_y(share)}H{_x(UNITS)}" stroke="{_GREY}" stroke-opacity="0.3"/>'
    return line + _text(_x(0) - 8, _y(share) + 4, label, "end")


def _line(shares: Sequence[float], color: str) -> str:
    points = " ".join(f"{_x((look + 1) * EVERY)},{_y(share)}" for look, share in enumerate(shares))
    return f'<polyline points="{_x(0)},{_y(0)} {points}" stroke="{color}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, anchor: str = "start", color: str = _GREY) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{color}">{text}</text>'
