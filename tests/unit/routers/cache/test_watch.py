"""The watch notices a broken promise, and hardly ever a kept one."""

import random

from routers.cache.watch import Watch


def watched(rate: float, requests: int, seed: int) -> Watch:
    """After requests of which this share is answered wrongly; it stops where the promise is no longer believed."""
    chance, watch = random.Random(seed), Watch(0.01, 0.025)
    for _ in range(requests):
        watch = watch.told(chance.random() < rate)
        if watch.broken:
            break
    return watch


def test_a_promise_that_is_just_kept_is_seldom_called_broken_however_often_one_looks() -> None:
    called = sum(watched(0.01, 1000, seed).broken for seed in range(150))
    assert called / 150 <= 0.025 + 0.03


def test_five_times_too_many_mistakes_are_noticed_within_some_hundred_requests() -> None:
    found = [watched(0.05, 2000, seed) for seed in range(50)]
    assert all(watch.broken for watch in found)
    assert sorted(watch.seen for watch in found)[25] < 400


def test_it_counts_what_it_saw() -> None:
    watch = Watch(0.01, 0.025).told(True).told(False)
    assert (watch.seen, watch.wrong) == (2, 1)


def test_a_bound_of_nothing_is_broken_by_mistakes_alone() -> None:
    watch = Watch(0.0, 0.025)
    for _ in range(100):
        watch = watch.told(False)
    assert not watch.broken
