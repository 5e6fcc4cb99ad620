import numpy as np
import onnx as onnx_package
import onnxruntime
import pytest
import torch

from model_repo.export import onnx
from model_repo.export.ports import Port
from tests.integration.model_repo import tiny
from tests.integration.model_repo.tiny import Exported


@pytest.mark.parametrize(("texts", "tokens"), [(1, 1), (1, 9), (3, 17), (5, tiny.MOST_TOKENS)])
def test_onnxruntime_says_what_torch_says_whatever_the_shape(exported: Exported, texts: int, tokens: int) -> None:
    session = onnxruntime.InferenceSession(exported.folder / "model.onnx", providers=["CPUExecutionProvider"])
    random = np.random.default_rng(texts)
    ids = random.integers(0, len(tiny.PIECES), (texts, tokens), dtype=np.int64)
    mask = np.arange(tokens) < random.integers(1, tokens + 1, (texts, 1))
    (said,) = session.run(None, {"input_ids": ids, "attention_mask": mask.astype(np.int64)})
    with torch.inference_mode():
        expected = exported.network(torch.from_numpy(ids), torch.from_numpy(mask.astype(np.int64))).numpy()
    np.testing.assert_allclose(said, expected, atol=1e-5)


def test_the_file_states_its_ports_with_any_number_of_texts_and_tokens(exported: Exported) -> None:
    inputs, outputs = onnx.ports(exported.folder / "model.onnx")
    assert inputs == (Port("input_ids", "INT64", (-1, -1)), Port("attention_mask", "INT64", (-1, -1)))
    assert outputs == (Port("vector", "FLOAT", (-1, tiny.WIDTH)),)


def test_int8_keeps_the_ports_and_multiplies_bytes_by_every_weight(exported: Exported) -> None:
    assert onnx.ports(exported.int8 / "model.onnx") == onnx.ports(exported.folder / "model.onnx")
    graph = onnx_package.load(exported.int8 / "model.onnx").graph
    kinds = {weight.name: weight.data_type for weight in graph.initializer}
    weights = {
        kind: [node.input[1] for node in graph.node if node.op_type == kind and node.input[1] in kinds]
        for kind in ("MatMul", "Gemm", "MatMulInteger")
    }
    assert not weights["MatMul"] and not weights["Gemm"]
    assert len(weights["MatMulInteger"]) == 2 * 6  # four of attention and two of the rest, in each of two layers
    assert {kinds[name] for name in weights["MatMulInteger"]} == {onnx_package.TensorProto.INT8}
