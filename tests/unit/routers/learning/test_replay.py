"""Replaying logged traffic: another router's worth, told from what was recorded, and refused where it was not."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from control_plane.spec.errors import TiermeshError
from control_plane.spec.learned import name_of
from control_plane.spec.models import Tier
from control_plane.spec.snapshots import CompiledRouter
from routers.complexity import read
from routers.encoder import NanoEncoder, Vectors
from routers.estimate import of as estimated
from routers.estimate import rule, text_of
from routers.learning import traffic
from routers.learning.__main__ import main
from routers.learning.artifact import load
from tests.learned import NAME, saved, text

SHORT, LONG = "Where is it?", "Compare three plans for moving a warehouse to another country, with costs and risks."


def logged(count: int, content: bool, seed: int = 0) -> list[dict[str, Any]]:
    """Half short questions that both tiers answer, half long ones that the heavy tier alone can; tiers by a coin."""
    draw = np.random.default_rng(seed)
    lines: list[dict[str, Any]] = []
    for number in range(count):
        long, heavy = bool(draw.random() < 0.5), bool(draw.random() < 0.5)
        tier, gain = "heavy" if heavy else "light", 0.2 if long else -0.2
        line = {"requestId": f"r{number}", "tier": tier, "propensity": 0.5, "artifact": NAME, "gain": gain}
        lines.append(line | ({"prompt": [LONG if long else SHORT]} if content else {}))
        lines.append({"requestId": f"r{number}", "name": "quality", "value": float(heavy or not long)})
    return lines


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["replay", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("content", [True, False])
def test_a_threshold_that_tells_long_from_short_loses_nothing_and_saves_half(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bool
) -> None:
    log, router = write(tmp_path / "log.jsonl", logged(600, content)), saved(tmp_path)
    code, out, _ = run(capsys, "--data", log, "--router", router, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["requests"], found["unjudged"], found["threshold"]) == (600, 0, 0.05)
    assert found["heavy_share"] == pytest.approx(0.5, abs=0.06)
    assert found["loss"]["value"] == pytest.approx(0, abs=0.01)
    assert found["loss_by_propensity"]["low"] <= 0 <= found["loss_by_propensity"]["high"]
    assert found["warnings"] == []


def test_a_threshold_that_sends_everything_to_the_light_tier_loses_what_is_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = logged(600, content=True)
    long = sum(line.get("prompt") == [LONG] for line in lines) / 600
    log, router = write(tmp_path / "log.jsonl", lines), saved(tmp_path)
    code, out, _ = run(capsys, "--data", log, "--router", router, "--threshold", 1)
    assert code == 0
    said = dict(line.split(maxsplit=1) for line in out.replace("lost, doubly robust", "lost-robust").splitlines())
    assert said["threshold"] == "1"
    low, high = (float(part) for part in said["lost-robust"].split("(")[1].rstrip(")").split(" to "))
    assert low < long < high
    assert high - low < 0.15


def test_another_artifact_is_replayed_on_what_was_said_and_refused_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = saved(tmp_path, text(threshold=-0.3))
    with_content = write(tmp_path / "with.jsonl", logged(100, content=True))
    without = write(tmp_path / "without.jsonl", logged(100, content=False))
    code, out, _ = run(capsys, "--data", with_content, "--router", other, "--json")
    assert (code, json.loads(out)["heavy_share"]) == (0, 1)
    code, _, err = run(capsys, "--data", without, "--router", other)
    assert code == 1
    assert "line 1: what was said is not recorded" in err
    assert "TIERMESH_ROUTER_TRAFFIC_CONTENT=true" in err


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIERMESH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def contrary() -> str:
    """An artifact that gives the long question to the light tier, by its embedding."""
    short, long = NanoEncoder().embed([SHORT, LONG])
    return text(embedding=tuple((100.0 * (short - long)).tolist()))


def test_an_artifact_with_an_embedding_is_replayed_on_what_was_said_and_embeds_each_text_once(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = logged(600, content=True)
    long = sum(line.get("prompt") == [LONG] for line in lines) / 600
    log, router = write(tmp_path / "log.jsonl", lines), saved(tmp_path, contrary())
    code, out, _ = run(capsys, "--data", log, "--router", router, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["heavy_share"] == pytest.approx(1 - long)
    assert found["loss"]["low"] < long < found["loss"]["high"]
    kept = {file: file.stat().st_mtime_ns for file in (home / "vectors").iterdir()}
    assert len(kept) == 2
    assert run(capsys, "--data", log, "--router", router, "--json")[1] == out
    assert {file: file.stat().st_mtime_ns for file in (home / "vectors").iterdir()} == kept


def test_what_an_artifact_estimated_then_is_not_embedded_again(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    router = saved(tmp_path, contrary())
    name = router.name.removesuffix(".router.json")
    lines = [line | ({"artifact": name} if "tier" in line else {}) for line in logged(100, content=False)]
    code, out, _ = run(capsys, "--data", write(tmp_path / "log.jsonl", lines), "--router", router, "--json")
    assert (code, json.loads(out)["requests"]) == (0, 100)
    assert not home.exists()


def test_another_artifact_with_an_embedding_needs_what_was_said(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write(tmp_path / "log.jsonl", logged(100, content=False))
    code, _, err = run(capsys, "--data", log, "--router", saved(tmp_path, contrary()))
    assert (code, "line 1: what was said is not recorded" in err) == (1, True)


def test_an_artifact_of_another_encoder_is_refused(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write(tmp_path / "log.jsonl", logged(100, content=True))
    router = saved(tmp_path, text(embedding=(0.5, 0.5), encoder="bundled://other"))
    code, _, err = run(capsys, "--data", log, "--router", router)
    assert (code, "embeds texts with bundled://other, and here is" in err) == (1, True)


def lengths(texts: Sequence[str]) -> Vectors:
    """Vectors that tell texts apart."""
    return np.array([[len(one) / 100, 1.0] for one in texts], dtype=np.float32)


@pytest.mark.parametrize("turns", [[SHORT], [LONG, SHORT], [LONG * 200], [SHORT, ""], [""]])
def test_a_replay_estimates_and_decides_as_a_router_does(tmp_path: Path, turns: list[str]) -> None:
    of = text(embedding=(3.0, -1.0))
    model, router = load(saved(tmp_path, of)).model(), CompiledRouter(artifact=name_of(of), threshold=0.9)
    fields = {"messages": [{"role": "user", "content": turn} for turn in turns]}
    embedded = text_of(fields)
    estimate = estimated(fields, model, router, lambda: 1.0, lengths([embedded])[0].tolist() if embedded else ())
    lines = [line | ({"prompt": read(fields)[0]} if "tier" in line else {}) for line in logged(5, content=True)]
    requests = traffic.read([write(tmp_path / "log.jsonl", lines)], "quality").requests
    gains = traffic.scored(requests, model, name_of(of), lengths).gains
    assert ((gains < 0.9) == (rule(estimate, router)[0] is Tier.LIGHT)).all()
    if embedded:
        assert gains.tolist() == [estimate.gain] * 5


def test_requests_without_a_report_are_counted_and_left_out(tmp_path: Path) -> None:
    lines = [line for line in logged(100, content=True) if line.get("value") != 0]
    found = traffic.read([write(tmp_path / "log.jsonl", lines)], "quality")
    assert len(found.requests) + found.unjudged == 100
    assert {one.reward for one in found.requests} == {1.0}


def test_reports_may_stand_in_a_file_of_their_own_and_of_two_the_first_counts(tmp_path: Path) -> None:
    lines = logged(10, content=True)
    requests = write(tmp_path / "log.jsonl", [line for line in lines if "tier" in line])
    reports = [line for line in lines if "value" in line]
    again = [{**line, "value": 0.25} for line in reports]
    others = [{**line, "name": "click", "value": 0.75} for line in reports]
    found = traffic.read([requests, write(tmp_path / "reports.jsonl", [*others, *reports, *again])], "quality")
    assert [one.reward for one in found.requests] == [line["value"] for line in reports]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tier": "medium"}, "line 1, tier is 'medium'"),
        ({"propensity": 0}, "line 1, propensity is 0"),
        ({"propensity": 1.5}, "line 1, propensity is 1.5"),
        ({"propensity": None}, "line 1, propensity is None"),
        ({"prompt": 7}, "line 1, prompt is neither"),
        ({"prompt": ["\ud800"]}, "line 1, prompt holds half a character"),
        ({"gain": "much"}, "line 1, gain is much"),
        ({"reward": 2}, "line 1, reward is 2"),
    ],
)
def test_a_wrong_line_is_named_with_its_field(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    first, *rest = logged(10, content=True)
    with pytest.raises(TiermeshError, match=why):
        traffic.read([write(tmp_path / "log.jsonl", [first | changes, *rest])], "quality")


def test_a_log_without_reports_says_how_to_give_them(tmp_path: Path) -> None:
    lines = [line for line in logged(10, content=True) if "tier" in line]
    with pytest.raises(TiermeshError, match="Of 10 requests, 0 have a report named 'quality'") as refused:
        traffic.read([write(tmp_path / "log.jsonl", lines)], "quality")
    assert "--outcome" in refused.value.hint


def test_a_contract_that_the_artifact_was_not_trained_for_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, router = write(tmp_path / "log.jsonl", logged(10, content=True)), saved(tmp_path)
    code, _, err = run(capsys, "--data", log, "--router", router, "--max-quality-loss", 0.01)
    assert code == 1
    assert "was not trained for 0.01 at 0.95" in err
    assert load(router).contracts[0].max_quality_loss == 0.02
