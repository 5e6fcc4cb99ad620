"""Measures an HTTP gateway on one core, in turns with nginx, before a stub of the OpenAI API on another core."""
