"""Fitting, of Rollouts that follow changes: whether they can carry out what they follow. Pure.

It is asked of documents as they are written: once changes are held back, those that are compiled name versions.
"""

from collections.abc import Iterable, Iterator, Mapping

from control_plane.rollouts import changes
from control_plane.spec.beside import is_run
from control_plane.spec.documents import Document, Model, Rollout, Route
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.fitting import place
from control_plane.spec.names import Key
from control_plane.spec.rollouts import Changed
from control_plane.spec.served import aliases


def refuse_wrong(rollouts: Iterable[Rollout], documents: Mapping[Key, Document]) -> None:
    """Raises TiermeshError(INVALID_DOCUMENT) with one FieldError for each Model whose versions nobody here can serve
    side by side, or whose changes another Rollout carries out already."""
    if errors := tuple(_wrong(rollouts, documents)):
        message = f"The documents do not fit together: {errors[0].field}: {errors[0].message}"
        hint = "Correct the references named in errors; nothing was changed."
        raise TiermeshError(Code.INVALID_DOCUMENT, message, hint, errors=errors)


def taken(model: Document, rollout: Rollout) -> TiermeshError:
    """That a document has the name of a Model that is served beside another."""
    message = f"{model.key} has the name under which {rollout.key} tries another version of a Model."
    wrong = (FieldError(f"{place(model)}.metadata.name", "is taken by a Rollout"),)
    return TiermeshError(Code.INVALID_DOCUMENT, message, "Give that document another name.", errors=wrong)


def _wrong(rollouts: Iterable[Rollout], documents: Mapping[Key, Document]) -> Iterator[FieldError]:
    owners: dict[Key, Rollout] = {}
    for rollout in rollouts:
        where = f"{place(rollout)}.spec.onChange"
        for model in _followed(rollout, documents):
            name = model.metadata.name
            if not model.spec.served_here and not is_run(model):
                problem = f"Model {name!r} is at a URL of its own, where nobody here serves another version beside it"
                yield FieldError(where, f"{problem}: remove 'model', and override tiers with a Model of that version")
            elif (owner := owners.setdefault(model.key, rollout)) is not rollout:
                yield FieldError(where, f"{owner.key} carries out the changes of Model {name!r}: keep one of them")


def _followed(rollout: Rollout, documents: Mapping[Key, Document]) -> Iterable[Model]:
    """The Models whose aliases it follows, each once."""
    route = documents.get(changes.route_of(rollout))
    if Changed.MODEL not in rollout.spec.on_change or not isinstance(route, Route):
        return ()
    found = changes.named(route, documents).items()
    return {model.key: model for name, model in found if any(aliases(model, name))}.values()
