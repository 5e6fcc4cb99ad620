"""The router's handler under three HTTP servers. The product ships one of them; the others are here to be measured."""
