"""Quotas: how much each tenant may use. In one router's memory, or exact across routers with Redis.

A request passes twice. It *enters*, which counts it and takes one of the tenant's concurrent places until its answer's
end. If a model must be asked, it *reserves* the tokens and the money that this may take, and *settles* afterwards for
what it took: what was not used is given back, and all of it where no answer came. A tenant pays for the answers it
gets; tries that failed, hedges and mirrored copies are the operator's.

How far a quota can be overspent:

- requests and concurrent requests: not at all. In any t seconds at most `burst` + `requestsPerSecond` * t enter;
- tokens and money with `hard: true`: not at all. The reservation is the most that the answer can take: a token for each
  byte of the request (or the Model's context window, where it is smaller or images and files hide their tokens), and
  the limit of the answer's tokens, which is written into the request where the caller gave none. What a Model does not
  tell of, and what a router that died had reserved, is counted in full. It rests on two things: that the Model obeys
  `max_tokens` and that `spec.price` is true;
- tokens and money with `hard: false`: by no more than the requests that are under way when the quota is reached take
  beyond their estimates;
- with `TIERMESH_ROUTER_QUOTAS_WITHOUT_REDIS=allow`, while Redis is away: without a bound.
"""
