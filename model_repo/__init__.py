"""What is served: one folder a model, the engines, and how weights are fetched."""
