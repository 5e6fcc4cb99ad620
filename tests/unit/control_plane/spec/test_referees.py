"""The Models that compare answers for the semantic cache: who may, whose they are, and that they do not get lost."""

from typing import Any

import pytest

from control_plane.spec.compile import compile
from control_plane.spec.decisions import part_of
from control_plane.spec.errors import TiermeshError
from control_plane.spec.names import named_by
from control_plane.spec.routes import SemanticCache
from control_plane.spec.snapshots import CompiledRoute
from tests.unit.control_plane.samples import experiment, model, parsed, rollout, route, shop
from tests.unit.control_plane.spec.test_judges import JURY

SUMS = model("sums", engine="kserve", url="http://s", protocol="oip-http", source=None, faq=None)


def compared(judge: str = "jury") -> dict[str, Any]:
    """A cache whose answers a Model compares."""
    return {"semantic": {"compare": "judge", "judge": judge}}


def armed(cache: dict[str, Any]) -> dict[str, Any]:
    """An Experiment with such a cache in an arm."""
    return experiment(arms=[{"name": "control"}, {"name": "candidate", "override": {"cache": cache}}])


def of_shop(*documents: dict[str, Any]) -> list[dict[str, Any]]:
    """With the shop's Models, and the Route that is given in place of its own."""
    models = [one for one in shop() if one["kind"] != "Route"]
    return [*models, JURY, SUMS, *documents]


def _route(*documents: dict[str, Any]) -> CompiledRoute:
    (found,) = compile(parsed(*of_shop(*documents))).routes
    return found


def test_a_route_and_its_arms_name_who_compares() -> None:
    assert _route(route(cache=compared())).referees == {"jury"}
    assert _route(route(cache=compared("assistant")), armed(compared())).referees == {"assistant", "jury"}
    assert _route(route(cache={"semantic": {}})).referees == frozenset()


def test_it_is_one_of_the_routes_own_namespace() -> None:
    documents = of_shop(route(cache=compared()))
    team = [{**one, "metadata": {**one["metadata"], "namespace": "team"}} for one in documents]
    whole = compile(parsed(*team))
    assert whole.routes[0].referees == {"team/jury"} == {named_by("team/shop", "jury")}
    assert "team/jury" in {backend.name for backend in part_of(whole, "team/shop").backends}


def test_another_judge_is_another_revision_and_none_says_what_was_said_before_there_were_any() -> None:
    revisions = {_route(route(cache=compared(judge))).revision for judge in ("jury", "assistant")}
    assert len(revisions) == 2
    assert "judge" not in SemanticCache(compare="embedding").model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize(
    ("judge", "cure"),
    [
        ("jurx", "did you mean 'jury'?"),
        ("faq", "name one that generates answers"),
        ("sums", "writes no text of its own"),
    ],
)
@pytest.mark.parametrize(
    "place", ["Route/shop.spec", "Experiment/wording.spec.arms[1].override", "Rollout/heavier.spec.override"]
)
def test_who_cannot_compare_is_refused_with_the_cure(place: str, judge: str, cure: str) -> None:
    cache = compared(judge)
    documents = {
        "Route": [route(cache=cache)],
        "Experiment": [route(), armed(cache)],
        "Rollout": [route(), rollout(override={"cache": cache})],
    }
    with pytest.raises(TiermeshError) as caught:
        compile(parsed(*of_shop(*documents[place.partition("/")[0]])))
    ((where, message),) = [(error.field, error.message) for error in caught.value.errors]
    assert (where, cure in message) == (f"{place}.cache.semantic.judge", True), message
