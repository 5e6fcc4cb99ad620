"""Settings from the environment: what the settings of every process have in common."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from control_plane.spec.base import nearest
from control_plane.spec.errors import Code, FieldError, TiermeshError

Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 takes a free one."""
Folder = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]
"""A path, made absolute; `~` is the user's home."""


class Settings(BaseSettings):
    """Frozen settings from the variables of one prefix, and TIERMESH_HOME.

    A variable with the prefix that names no field is refused: a setting that is silently ignored is the worst kind
    of bug.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    home: Folder = Field(default=Path("~/.tiermesh"), validation_alias="TIERMESH_HOME", validate_default=True)
    """The one folder with all state."""

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the environment; what is `given` wins.

        Raises TiermeshError(SETUP) that names the variable and the cure.
        """
        cls._refuse_unknown(os.environ)
        try:
            return cls(**given)
        except ValidationError as error:
            errors = tuple(
                FieldError(cls._variable(item["loc"]), item["msg"].removeprefix("Value error, "))
                for item in error.errors()
            )
            first = errors[0]
            message = f"{first.field} is not valid: {first.message}."
            raise TiermeshError(Code.SETUP, message, "Correct or unset it.", errors=errors) from error

    @classmethod
    def _refuse_unknown(cls, environ: Mapping[str, str]) -> None:
        prefix = cls.model_config["env_prefix"]
        known = [cls._variable((name,)) for name in cls.model_fields]
        for variable in environ:
            if variable.startswith(prefix) and variable not in known:
                near = nearest(variable, known)
                hint = f"Did you mean {near}?" if near else f"Known are {', '.join(known)}."
                raise TiermeshError(Code.SETUP, f"There is no setting {variable}.", hint)

    @classmethod
    def _variable(cls, location: tuple[int | str, ...]) -> str:
        if not location:
            return "The environment"
        name, prefix = str(location[0]), cls.model_config["env_prefix"]
        return "TIERMESH_HOME" if name in ("home", "TIERMESH_HOME") else prefix + name.upper().removeprefix(prefix)
