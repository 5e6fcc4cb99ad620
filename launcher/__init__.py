"""Everything on one machine: starts processes, watches them, stops them."""
