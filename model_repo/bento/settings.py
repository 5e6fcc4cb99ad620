"""Settings of the Bento, from TIERMESH_BENTO_… variables."""

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from control_plane.spec.documents import Model
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Engine
from control_plane.spec.settings import Folder, Settings
from model_repo.documents import read


class BentoSettings(Settings):
    """Which model the service runs."""

    model_config = SettingsConfigDict(env_prefix="TIERMESH_BENTO_")

    documents: Folder = Path(__file__).parents[2] / "examples" / "shop"
    """A file of Model documents, or a folder of such files; by default the shop that is packed into the Bento."""
    model: str = "faq"
    """The Model's name; its engine must be `faq`."""

    def chosen(self) -> Model:
        """The Model that is named. Raises TiermeshError(SETUP) where there is none, or it is no `faq`."""
        models = read(self.documents)
        model = models.get(self.model)
        if model is None or model.spec.engine is not Engine.FAQ:
            known = [name for name, found in models.items() if found.spec.engine is Engine.FAQ]
            message = f"TIERMESH_BENTO_MODEL={self.model} names no Model of engine 'faq' in {self.documents}."
            raise TiermeshError(Code.SETUP, message, f"There are: {', '.join(known) or 'none'}.")
        return model
