"""What the models' status file says, and what the terminal shows of it."""

import json
from pathlib import Path

from launcher.readiness import ModelsStatus, ModelStatus, answers, read_models_status


def test_a_missing_or_half_written_file_means_starting(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    assert read_models_status(file) == ModelsStatus()
    file.write_text('{"ray": "run', encoding="utf-8")
    assert read_models_status(file) == ModelsStatus()


def test_the_models_are_ready_when_ray_and_each_expected_model_run(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    models = {"faq": {"state": "running", "message": "", "seconds": 12.3}, "b": {"state": "starting"}}
    file.write_text(json.dumps({"ray": "running", "models": models}), encoding="utf-8")
    status = read_models_status(file)
    assert status.running({"faq"})
    assert not status.running({"faq", "b"})
    assert not status.running({"faq", "not there yet"})
    assert not ModelsStatus(ray="starting", models=status.models).running({"faq"})


def test_the_words_name_each_model_and_what_it_is_doing() -> None:
    models = {
        "faq": ModelStatus(state="running", seconds=12.3),
        "assistant": ModelStatus(state="starting", message="converting weights", seconds=40),
    }
    words = ModelsStatus(ray="running", models=models).words()
    assert words == "assistant starting (converting weights); faq runs after 12 s"
    assert ModelsStatus().words() == "Ray is starting"


def test_failed_models_say_why() -> None:
    models = {"a": ModelStatus(state="failed", message="no such folder"), "b": ModelStatus(state="running")}
    assert ModelsStatus(models=models).failed({"a", "b"}) == {"a": "no such folder"}
    assert ModelsStatus(models=models).failed({"b"}) == {}


async def test_nobody_listening_is_not_ready() -> None:
    assert not await answers("http://127.0.0.1:1/readyz")
