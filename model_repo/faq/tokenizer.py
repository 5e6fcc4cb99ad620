"""XLM-RoBERTa's tokenizer from its vocabulary, as a `tokenizers.Tokenizer` that can be written to a file.

Source: https://huggingface.co/intfloat/multilingual-e5-small, whose SentencePiece model normalizes by `nmt_nfkc`: NFKC,
control characters gone, every kind of space a space; the full-width tilde alone stays as it is.
"""

from collections.abc import Sequence

from tokenizers import Regex, Tokenizer
from tokenizers.models import Unigram
from tokenizers.normalizers import NFKC, Nmt, Replace
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing

START, PAD, END, UNKNOWN = "<s>", "<pad>", "</s>", "<unk>"
_TILDE, _ASIDE = "\uff5e", "\ue000"
_SPACE = "\u2581"


def build(pieces: Sequence[tuple[str, float]]) -> Tokenizer:
    """The tokenizer of a unigram vocabulary: piece and log probability, in the order of their ids."""
    ids = {piece: number for number, (piece, _) in enumerate(pieces)}
    tokenizer = Tokenizer(Unigram(list(pieces), ids[UNKNOWN], byte_fallback=False))
    tokenizer.normalizer = Normalizers(
        [
            Replace(_TILDE, _ASIDE),
            Nmt(),
            NFKC(),
            Replace(_ASIDE, _TILDE),
            Replace(_SPACE, " "),
            Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = Metaspace(_SPACE, prepend_scheme="always", split=False)
    tokenizer.post_processor = TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, ids[START]), (END, ids[END])]
    )
    return tokenizer
