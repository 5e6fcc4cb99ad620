"""Whether a live object still says what was rendered.

What servers add (defaults, status, fields of other managers) is no difference; what they write in another form
(quantities) is none either. Lists follow server-side apply: those that Kubernetes merges by a key are compared by it,
and others item by item.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port", "protocol"),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
"""Lists that are merged -> what tells their items apart. A field that an item lacks counts as its default."""
_ATOMIC: Mapping[str, frozenset[str]] = {
    "InferenceService": frozenset({"containers", "initContainers", "volumes", "imagePullSecrets"})
}
"""Kind -> lists that its definition replaces as a whole all the same."""
_DEFAULTS = {"protocol": "TCP"}

_HOLD_QUANTITIES = frozenset({"limits", "requests", "hard", "capacity"})
_QUANTITIES = frozenset({"sizeLimit", "storage", "averageValue"})
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?[0-9]{1,3}))?")
_BINARY = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL = {
    letter: Decimal(10) ** power for letter, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
}


def differs(rendered: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether applying `rendered` again would change `live`."""
    keys = {field: names for field, names in _KEYS.items() if field not in _ATOMIC.get(rendered["kind"], ())}
    return not _within(rendered, live, "", False, keys)


def _within(asked: Any, found: Any, field: str, quantity: bool, keys: Mapping[str, tuple[str, ...]]) -> bool:
    if asked in ({}, [], ""):  # servers leave out what is empty
        return not found or isinstance(found, Mapping)
    if isinstance(asked, Mapping):
        holds = field in _HOLD_QUANTITIES
        return isinstance(found, Mapping) and all(
            _within(value, found.get(name), name, holds or name in _QUANTITIES, keys) for name, value in asked.items()
        )
    if isinstance(asked, list | tuple):
        return isinstance(found, list | tuple) and _items_within(asked, found, field, keys)
    if quantity and (amount := _amount(asked)) is not None:
        return amount == _amount(found)
    return bool(asked == found) and isinstance(asked, bool) == isinstance(found, bool)


def _items_within(asked: Sequence[Any], found: Sequence[Any], field: str, keys: Mapping[str, tuple[str, ...]]) -> bool:
    names = keys.get(field)
    if names and all(isinstance(item, Mapping) for item in (*asked, *found)):
        there = {_identity(item, names): item for item in found}
        return all(_within(item, there.get(_identity(item, names)), field, False, keys) for item in asked)
    return len(asked) == len(found) and all(
        _within(item, other, field, False, keys) for item, other in zip(asked, found, strict=True)
    )


def _identity(item: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    """As text: a live object may hold anything."""
    return tuple(repr(item.get(name, _DEFAULTS.get(name))) for name in names)


def _amount(value: Any) -> Decimal | None:
    """What a quantity comes to: "500m" and 0.5 are one amount."""
    parts = _QUANTITY.fullmatch(str(value))
    if parts is None:
        return None
    number, binary, decimal, power = parts.groups()
    scale = _BINARY.get(binary or "") or _DECIMAL.get(decimal or "") or Decimal(10) ** int(power or 0)
    return Decimal(number) * scale
