"""The control plane as web pages. Empty until the console comes."""
