"""Children that are gone while nobody watched are missed all the same."""

from control_plane.spec.names import Key
from operators.cache import Cache
from operators.ghosts import Ghosts
from tests.unit.operators.test_cache import KEY, child


async def test_whoever_lost_a_child_is_looked_at_and_nobody_else_is() -> None:
    cache = Cache()
    cache.put(child(1, uid="gone"))
    looked_at: list[Key] = []

    async def uids(api_version: str, kind: str, namespace: str | None) -> frozenset[str]:
        assert (api_version, kind, namespace) == ("apps/v1", "Deployment", "team")
        cache.put(child(2, uid="came meanwhile"))
        return frozenset({"somebody else's"})

    ghosts = Ghosts(uids, cache, dict, ["team"], looked_at.append)
    await ghosts.look("Service", "v1")
    assert looked_at == []
    await ghosts.look("Deployment", "apps/v1")
    assert looked_at == [KEY]
    assert [one["metadata"]["uid"] for one in cache.children("uid-small")] == ["came meanwhile"]
