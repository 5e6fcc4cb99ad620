import json
from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from model_repo.generation import app, lora
from tests.unit.model_repo.samples import model


def adapter(folder: Path, rank: object = 8, weights: str = "adapter_model.safetensors") -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": rank}))
    (folder / weights).touch()
    return folder


def test_without_adapters_no_room_is_made_for_any() -> None:
    assert lora.arguments({}, on_cpu=True) == lora.requests({}) == {}


def test_there_is_room_for_all_adapters_at_once_and_for_the_widest(tmp_path: Path) -> None:
    adapters = {"small": adapter(tmp_path / "small", 8), "wide": adapter(tmp_path / "wide", 24)}
    assert lora.arguments(adapters, on_cpu=False) == {"enable_lora": True, "max_loras": 2, "max_lora_rank": 32}


def test_on_a_cpu_a_place_stays_empty_for_those_who_ask_the_base(tmp_path: Path) -> None:
    assert lora.arguments({"small": adapter(tmp_path / "small")}, on_cpu=True)["max_loras"] == 2


@pytest.mark.parametrize(
    ("rank", "weights", "why"),
    [
        (8, "adapter_model.bin", "no adapter_model.safetensors"),
        (1000, "adapter_model.safetensors", "rank is 1000"),
        ("8", "adapter_model.safetensors", "rank is '8'"),
    ],
)
def test_what_vllm_cannot_serve_is_said_before_it_starts(rank: object, weights: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match=f"'legal' cannot be served.*{why}"):
        lora.arguments({"legal": adapter(tmp_path / "a", rank, weights)}, on_cpu=True)


def test_a_folder_that_holds_no_adapter_is_said_to_hold_none(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match="not a PEFT configuration"):
        lora.arguments({"legal": tmp_path}, on_cpu=True)


def test_requests_name_the_base_or_one_of_its_adapters() -> None:
    legal = {"name": "legal", "source": "file:///legal", "sha256": "0" * 64, "version": "2"}
    document = model(adapters=[legal, {"name": "plain", "source": "file:///plain"}])
    base, first, second = app.served("assistant", document.spec)
    assert (base.name, base.adapter, base.origin) == ("assistant", None, {})
    assert (first.name, first.adapter) == ("assistant:legal", "legal")
    assert first.origin == {"source": "file:///legal", "sha256": "0" * 64, "version": "2"}
    assert (second.name, second.origin) == ("assistant:plain", {})
