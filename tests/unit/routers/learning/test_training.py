"""What is trained, judged and written can be read again, and only as it was written."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from control_plane.spec.errors import TiermeshError
from routers.learning import artifact, choosing, evaluation, folds, training
from routers.learning.__main__ import main
from routers.learning.contract import Contract
from routers.learning.fitting import Penalty
from tests.unit.routers.learning.samples import questions


def _write(path: Path, count: int = 300, seed: int = 0) -> Path:
    pairs = questions(count, seed).pairs
    rows = zip(pairs.prompts, pairs.weak, pairs.strong, pairs.domains or (), strict=True)
    path.write_text("prompt,weak,strong,domain\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows))
    return path


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([*map(str, arguments), "--embedding", "never"])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_row_is_judged_once_and_a_group_is_never_on_both_sides() -> None:
    groups = [f"g{number % 7}" for number in range(50)]
    found = list(folds.split(50, groups, seed=0))
    assert sorted(np.concatenate([judged for _, judged in found]).tolist()) == list(range(50))
    for fitted, judged in found:
        assert not {groups[row] for row in fitted} & {groups[row] for row in judged}


def test_a_model_is_judged_by_what_it_has_not_seen() -> None:
    data = questions()
    shuffled = np.random.default_rng(0).permutation(data.pairs.gains)
    noise = evaluation.Judged(data.pairs.__class__(data.pairs.prompts, 1 - shuffled, np.ones(300)), data.texts)
    seen: list[int] = []
    found = evaluation.cross_validate(noise, False, choosing.near, 0, lambda what, done, whole: seen.append(done))
    assert found.router.apgr < 0.6
    assert seen == [1, 2, 3, 4, 5]


def test_eval_prints_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = _write(tmp_path / "pairs.csv")
    code, out, _ = _run(capsys, "eval", "--data", data, "--json")
    found = json.loads(out)
    assert code == 0 and found["n"] == 300
    assert found["router"]["apgr"] > found["length"]["apgr"]
    assert found["random"] == {"apgr": 0.5, "apgr_ci": [0.5, 0.5], "cpt50": 0.5, "cpt80": pytest.approx(0.8)}
    assert _run(capsys, "eval", "--data", data, "--json")[1] == out


def test_eval_on_other_data_and_on_held_out_domains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, more = _write(tmp_path / "pairs.csv"), _write(tmp_path / "more.csv", seed=1)
    code, out, _ = _run(capsys, "eval", "--data", data, "--train", more)
    assert code == 0 and out.startswith("300 questions")
    assert _run(capsys, "eval", "--data", data, "--group", "domain", "--json")[0] == 0


def test_an_embedding_that_would_not_be_used_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(_write(tmp_path / "pairs.csv"))
    assert main(["eval", "--data", data, "--group", "domain", "--embedding", "always"]) == 1
    assert "Leave --embedding out" in capsys.readouterr().err


def test_what_is_trained_is_written_under_its_hash_with_its_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = _write(tmp_path / "pairs.csv", 2000)
    code, out, _ = _run(
        capsys, "train", "--data", data, "--out", tmp_path / "out", "--json", "--max-quality-loss", 0.05
    )
    written = json.loads(out)
    assert code == 0
    found = artifact.load(Path(written["artifact"]))
    assert found.model().gain(["prove w1 w2"]) > found.model().gain(["greet w1 w2"])
    (kept,) = found.contracts
    assert kept.threshold is not None and math.isfinite(kept.threshold) and 0.2 < kept.saved < 0.6
    page = Path(written["report"]).read_text()
    assert page.count("<svg") == 2 and "http" not in page
    assert (
        _run(capsys, "train", "--data", data, "--out", tmp_path / "out", "--json", "--max-quality-loss", 0.05)[1] == out
    )


def test_each_question_but_the_first_is_judged_once_and_the_last_model_has_seen_all() -> None:
    data, said, shown = questions(60), list[int](), list[int]()

    def choose(part: evaluation.Judged) -> Penalty:
        shown.append(len(part.pairs))
        return choosing.near(part)

    trained = training.train(data, (Contract(),), choose, 0, lambda what, done, whole: said.append(done))
    assert trained.judged == 50
    assert shown == [*range(10, 60, 5), 60]
    assert said == [*range(1, 12)]


def test_five_questions_are_enough_to_train_on_and_show_nothing() -> None:
    trained = training.train(questions(5), (Contract(),), choosing.near, 0, lambda what, done, whole: None)
    ((_, kept),) = trained.kept
    assert (kept.threshold, kept.saved, trained.judged) == (-math.inf, 0.0, 4)


def test_a_changed_artifact_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run(capsys, "train", "--data", _write(tmp_path / "pairs.csv"), "--out", tmp_path)
    (path,) = tmp_path.glob("*.router.json")
    text = path.read_text()
    path.write_text(text.replace('"seed": 0', '"seed": 1'))
    with pytest.raises(TiermeshError, match="does not hold what its name says"):
        artifact.load(path)
    path.write_text(json.dumps({**json.loads(text), "more": 1}))
    with pytest.raises(TiermeshError, match="unknown field 'more'"):
        artifact.load(path)


def test_what_cannot_be_judged_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "few.csv").write_text("prompt,weak,strong\na,0,1\n")
    code, out, err = _run(capsys, "eval", "--data", tmp_path / "few.csv")
    assert (code, out) == (1, "")
    assert "error: 1 rows are too few for 5 folds. Give at least 5." in err
    assert "has a 'domain'" in _run(capsys, "eval", "--data", tmp_path / "few.csv", "--group", "domain")[2]
