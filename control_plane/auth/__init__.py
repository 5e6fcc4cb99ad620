"""Who asks: API tokens, tokens of an OpenID Connect provider, and whoever sits at this machine."""
