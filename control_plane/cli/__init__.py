"""The control plane on the command line."""
