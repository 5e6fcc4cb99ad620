"""Adapters and versions of the registry, as compile() makes backends of them."""

from typing import Any

import pytest

from control_plane.spec.compile import compile
from control_plane.spec.documents import Model
from control_plane.spec.errors import TiermeshError
from control_plane.spec.memory import Memory
from control_plane.spec.prompts import Pins
from control_plane.spec.served import pinned, references
from control_plane.spec.snapshots import Backend
from control_plane.spec.versions import PinnedModel
from tests.unit.control_plane.samples import generating, model, parsed, route

SHA256 = "ab" * 32
LEGAL = {"name": "legal", "source": "file:///legal", "version": "3"}
PLAIN = {"name": "plain", "source": "file:///plain"}


def pins(version: int = 7, reference: str = "models:/support@production") -> Pins:
    pin = PinnedModel.model_validate(
        {"name": "support", "version": version, "source": f"https://x.test/{version}.tar", "sha256": SHA256}
    )
    return Pins({}, {reference: pin})


def backends(*documents: dict[str, Any], of: Pins | None = None) -> dict[str, Backend]:
    return {one.name: one for one in compile(parsed(*documents), pins=of or Pins({})).backends}


def test_an_adapter_is_a_backend_at_its_bases_address() -> None:
    found = backends(model(), generating(version="2", adapters=[PLAIN, LEGAL]))
    assert list(found) == ["assistant", "assistant:legal", "assistant:plain", "faq"]
    base, legal = found["assistant"], found["assistant:legal"]
    assert legal.urls == base.urls == ("http://127.0.0.1:8000/assistant/v1",)
    assert (base.served_name, legal.served_name) == ("assistant", "assistant:legal")
    assert (base.version, legal.version, found["assistant:plain"].version) == ("2", "2-3", "2-1")
    assert (legal.tier, legal.operations, legal.price) == (base.tier, base.operations, base.price)


def test_a_route_names_an_adapter_wherever_it_may_name_a_model() -> None:
    tiers = {"light": ["faq"], "heavy": ["assistant:legal", "assistant"]}
    spec: dict[str, Any] = {"tiers": tiers, "resilience": {"fallbacks": ["assistant:plain"]}}
    (compiled,) = compile(parsed(model(), generating(adapters=[LEGAL, PLAIN]), route(**spec))).routes
    assert compiled.heavy == ("assistant:legal", "assistant")
    assert compiled.resilience.fallbacks == ("assistant:plain",)


def test_an_adapter_that_is_not_there_is_named_with_the_nearest() -> None:
    wrong = route(tiers={"heavy": ["assistant:leagl"]})
    with pytest.raises(TiermeshError, match="did you mean 'assistant:legal'"):
        compile(parsed(model(), generating(adapters=[LEGAL]), wrong))


def test_another_adapter_leaves_the_answers_of_the_base_and_its_siblings_in_force() -> None:
    def revisions(*adapters: dict[str, Any]) -> list[str]:
        routes = [route("base", tiers={"heavy": ["assistant"]}), route("legal", tiers={"heavy": ["assistant:legal"]})]
        return [one.revision for one in compile(parsed(model(), generating(adapters=[*adapters]), *routes)).routes]

    assert revisions(LEGAL) == revisions(LEGAL, PLAIN)
    (base, legal), (other_base, other_legal) = revisions(LEGAL), revisions({**LEGAL, "version": "4"})
    assert base == other_base and legal != other_legal


@pytest.mark.parametrize("engine", ["transformers", "openai"])
def test_only_vllm_takes_adapters(engine: str) -> None:
    elsewhere: dict[str, Any] = (
        {"source": None, "generation": None, "url": "http://x.test/v1"} if engine == "openai" else {}
    )
    with pytest.raises(TiermeshError, match=f"engine '{engine}' serves no 'adapters': only 'vllm' does"):
        parsed(generating(engine=engine, adapters=[LEGAL], **elsewhere))


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"source": "https://x.test/model.tar"}, "needs sha256"),
        ({"source": "https://x.test/model.tar?key=1", "sha256": SHA256}, "query"),
        ({"source": "models:/support@production", "version": "2"}, "remove version"),
        ({"source": "models:/support"}, "models:/NAME@ALIAS"),
        ({"source": "models:/../x@production"}, "models:/NAME@ALIAS"),
        ({"sha256": SHA256}, "bundled source has no sha256"),
        ({"adapters": [LEGAL, LEGAL]}, "two adapters have one name"),
        ({"adapters": [{**LEGAL, "source": "http://x.test/a"}]}, "needs sha256"),
        ({"adapters": [{**LEGAL, "name": "a:b"}]}, "pattern"),
        ({"gate": {"evaluation": "file:///questions.yaml"}}, "a gate is for versions of the model registry"),
        ({"source": "models:/s@p", "gate": {"evaluation": "https://x.test/q.yaml"}}, "needs sha256"),
        ({"source": "models:/s@p", "gate": {"evaluation": "/q.yaml"}}, "file://PATH"),
    ],
)
def test_what_cannot_be_served_safely_is_refused_with_the_cure(spec: dict[str, Any], why: str) -> None:
    with pytest.raises(TiermeshError, match=why):
        parsed(generating(**spec))


def test_a_version_of_the_registry_is_served_by_its_source_checksum_and_number() -> None:
    document = generating(source="models:/support@production", gate={"evaluation": "file:///q.yaml"})
    (parsed_model,) = parsed(document)
    assert isinstance(parsed_model, Model)
    assert references(parsed_model) == ["models:/support@production"]
    spec = pinned(parsed_model, pins().models).spec
    assert (spec.source, spec.sha256, spec.version, spec.gate) == ("https://x.test/7.tar", SHA256, "7", None)
    assert backends(model(), document, of=pins())["assistant"].version == "7"


def test_moving_an_alias_changes_the_routes_that_its_version_answers_and_no_others() -> None:
    document = generating(source="models:/support@production")
    routes = [route("a", tiers={"heavy": ["assistant"]}), route("b", tiers={"light": ["faq"]})]
    before, after = (compile(parsed(model(), document, *routes), pins=pins(version)).routes for version in (7, 8))
    assert before[0].revision != after[0].revision and before[1].revision == after[1].revision


def test_adapters_may_be_versions_of_the_registry_too() -> None:
    document = generating(adapters=[{"name": "legal", "source": "models:/support/7"}])
    found = backends(model(), document, of=pins(reference="models:/support/7"))
    assert found["assistant:legal"].version == "1-7"


def test_a_reference_that_stands_for_nothing_is_an_error_at_its_field() -> None:
    document = generating(source="models:/support@production", adapters=[{"name": "a", "source": "models:/a/1"}])
    with pytest.raises(TiermeshError) as raised:
        compile(parsed(model(), document))
    assert [error.field for error in raised.value.errors] == [
        "Model/assistant.spec.source",
        "Model/assistant.spec.adapters[0].source",
    ]


def test_adapters_of_other_namespaces_are_named_and_reached_by_them() -> None:
    finds, base = model(), generating(adapters=[LEGAL])
    named = route(tiers={"heavy": ["assistant:legal"]}, resilience={"fallbacks": ["assistant:legal", "assistant"]})
    for document in (finds, base, named):
        document["metadata"]["namespace"] = "team"
    content = compile(parsed(finds, base, named))
    (compiled,) = content.routes
    assert compiled.heavy == ("team/assistant:legal",)
    assert compiled.resilience.fallbacks == ("team/assistant:legal", "team/assistant")
    legal = next(backend for backend in content.backends if backend.name == "team/assistant:legal")
    assert legal.urls == ("http://127.0.0.1:8000/team_assistant/v1",)
    assert legal.served_name == "team/assistant:legal"


def test_a_version_that_moves_is_compiled_anew_whatever_is_remembered() -> None:
    memory, documents = Memory(), parsed(model(), generating(source="models:/support@production"), route())
    for moved in (pins(7), pins(8), pins(7)):
        found = compile(documents, pins=moved, memory=memory)
        memory.keep()
        assert found == compile(documents, pins=moved)
