"""Models that write their answers: one deployment over two engines, vLLM and plain transformers."""
