"""Rule: one rule in CEL, and what rules have in common."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from control_plane.spec.base import Spec


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    cel: str
    """Of `self`, an object of the class; true where all is well."""
    message: str
    """What is wrong, and the cure."""
    field: str = ""
    """Whose fault it is: `.url`; the object itself, where it is left out."""


Rules = dict[type[Spec], tuple[Rule, ...]]
"""By the class whose objects they are about; its subclasses have them too."""


def among(values: Iterable[str]) -> str:
    """A list in CEL."""
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def or_default(kind: type[Spec], name: str) -> str:
    """A field's value, or its default."""
    field = kind.model_fields[name]
    default = float(field.default) if field.annotation is float else field.default
    return f"(has(self.{field.alias}) ? self.{field.alias} : {json.dumps(default)})"


def some(field: str) -> str:
    """Whether a list or map is there and holds something."""
    return f"(has(self.{field}) && size(self.{field}) > 0)"


def ordered(kind: type[Spec], low: str, high: str) -> Rule:
    """One field is at most another, also where either is left out."""
    lower, upper = kind.model_fields[low], kind.model_fields[high]
    left_out = f"where they are left out, they are {lower.default:g} and {upper.default:g}"
    message = f"{lower.alias} must not be greater than {upper.alias}; {left_out}"
    return Rule(f"{or_default(kind, low)} <= {or_default(kind, high)}", message, f".{lower.alias}")


def exactly_one(*fields: str) -> Rule:
    """One of these fields is there, and no other of them."""
    there = ", ".join(f"has(self.{field})" for field in fields)
    message = f"exactly one of {', '.join(fields[:-1])} and {fields[-1]} must be given"
    return Rule(f"[{there}].filter(given, given).size() == 1", message)


def fixed(field: str, cure: str) -> Rule:
    """A field that never changes."""
    return Rule(f"self.{field} == oldSelf.{field}", f"{field} is immutable: {cure}", f".{field}")
