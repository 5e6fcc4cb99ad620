"""The console: pages for people. They ask the public API, and nothing else."""
