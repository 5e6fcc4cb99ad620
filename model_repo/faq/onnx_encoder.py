"""The encoder on onnxruntime: a folder with `model.onnx` and `tokenizer.json`, as `model_repo.export` writes it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from model_repo.faq.encoder import MOST_TOKENS, PREFIX, Vectors

NETWORK = "model.onnx"
TOKENIZER = "tokenizer.json"


class OnnxEncoder:
    """Loads in 2 s and takes 0.4 GB, most of it the tokenizer.

    Runs one text at a time: dynamic INT8 scales a whole batch at once, and a text's vector would depend on its
    neighbours.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """`threads` is how many cores one text may take."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that spin between two texts take the processor from everything else on the machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(folder / NETWORK, options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._width = int(self._session.get_outputs()[0].shape[-1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder`."""
        vectors = np.empty((len(texts), self._width), np.float32)
        for row, text in enumerate(texts):
            ids = np.array([self._ids(text)[:MOST_TOKENS]], np.int64)
            (vectors[row : row + 1],) = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return vectors

    def tokens(self, text: str) -> int:
        """See `Encoder`."""
        return len(self._ids(text))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(PREFIX + text).ids
        return ids
