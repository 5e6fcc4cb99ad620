"""How other processes talk to the control plane, and how documents are read from files."""
