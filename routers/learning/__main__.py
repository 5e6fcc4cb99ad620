"""`python -m routers.learning train|eval|replay`: what `tiermesh router train`, `eval` and `replay` run."""

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from pydantic_settings import SettingsConfigDict
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.learned import SUFFIX, Kept, keeping
from control_plane.spec.settings import Settings
from routers import embedding
from routers.learning import artifact, choosing, encoding, evaluation, off_policy, pairs, report, training
from routers.learning import traffic as traffic_log
from routers.learning.contract import Contract
from routers.learning.curves import Quality
from routers.learning.design import Texts
from routers.learning.evaluation import Choice, Evaluation, Judged, Progress


class LearningSettings(Settings):
    """Where vectors are kept."""

    model_config = SettingsConfigDict(env_prefix="TIERMESH_LEARNING_")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 the data cannot be used, 2 used wrongly."""
    options = _parser().parse_args(arguments)
    try:
        with Bars(console=Console(stderr=True), transient=True) as bars:
            lines = options.run(options, _Shown(bars))
    except TiermeshError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _train(options: argparse.Namespace, progress: Progress) -> list[str]:
    contracts = (Contract(options.max_quality_loss, options.confidence),)
    (data,) = _judged([options.data], options, progress)
    judged = evaluation.cross_validate(data, options.group is not None, _choice(options), options.seed, progress)
    trained = training.train(data, contracts, _choice(options), options.seed, progress)
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in options.data}
    made = artifact.Artifact.of(
        trained.model,
        embedding.ENCODER,
        tuple(
            Kept(
                maxQualityLoss=asked.max_loss,
                confidence=asked.confidence,
                threshold=found.threshold if math.isfinite(found.threshold) else None,
                saved=found.saved,
                calibratedOn=trained.judged,
            )
            for asked, found in trained.kept
        ),
        artifact.Origin(files=files, rows=len(data.pairs), seed=options.seed),
    )
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        path = made.save(options.out)
        page = path.with_name(path.name.removesuffix(SUFFIX) + ".html")
        page.write_text(report.page(path.name, judged, trained), encoding="utf-8")
    except OSError as error:
        raise TiermeshError(Code.SETUP, f"{options.out} cannot be written: {error}.", "Name another folder.") from error
    if options.json:
        shown = {"artifact": str(path), "report": str(page), **judged.as_object()}
        shown["contracts"] = [kept.model_dump(mode="json", by_alias=True) for kept in made.contracts]
        return [json.dumps(shown)]
    lines = [f"artifact  {path}", f"report    {page}", "", *_table(judged), ""]
    for asked, found in trained.kept:
        promise = f"at most {asked.max_loss:g} lost with {asked.confidence:.0%} confidence"
        lines.append(f"{promise}: {found.saved:.1%} of heavy calls saved")
    return lines


def _eval(options: argparse.Namespace, progress: Progress) -> list[str]:
    data, *train = _judged([options.data, *([options.train] if options.train else [])], options, progress)
    if train:
        judged = evaluation.hold_out(train[0], data, _choice(options), options.seed)
    else:
        judged = evaluation.cross_validate(data, options.group is not None, _choice(options), options.seed, progress)
    return [json.dumps(judged.as_object())] if options.json else _table(judged)


def _replay(options: argparse.Namespace, progress: Progress) -> list[str]:
    router: Path = options.router
    found = artifact.load(router)
    if found.encoder not in (None, embedding.ENCODER):
        message = f"{router} embeds texts with {found.encoder}, and here is {embedding.ENCODER}."
        raise TiermeshError(Code.INVALID_REQUEST, message, "Train it with this version of 'tiermesh router train'.")
    traffic = traffic_log.read(options.data, options.outcome)
    progress("requests read", len(traffic.requests), len(traffic.requests))
    threshold = _threshold(found, options)
    embed = partial(encoding.embed, folder=_vectors(), progress=progress)
    logged = traffic_log.scored(traffic.requests, found.model(), router.name.removesuffix(SUFFIX), embed)
    worth = off_policy.judge(logged, logged.gains < threshold)
    if options.json:
        shown = {**asdict(worth), "unjudged": traffic.unjudged}
        return [json.dumps({**shown, "threshold": threshold if math.isfinite(threshold) else None})]
    lines = [
        f"requests               {worth.requests} with a report, {traffic.unjudged} without",
        f"threshold              {threshold:.4g}",
        f"heavy calls            {worth.heavy_share:.1%}",
        f"quality                {_interval(worth.quality)}",
        f"lost, doubly robust    {_interval(worth.loss)}",
        f"lost, by propensities  {_interval(worth.loss_by_propensity)}",
        f"effective size         {worth.effective_size:.0f}",
    ]
    return [*lines, *(f"warning: {said}" for said in worth.warnings)]


def _threshold(found: artifact.Artifact, options: argparse.Namespace) -> float:
    """As a Route would have it: the one that was given, or else the contract's."""
    if options.threshold is not None:
        return float(options.threshold)
    kept = keeping(found.contracts, options.max_quality_loss, options.confidence)
    if kept is None:
        message = f"{options.router} was not trained for {options.max_quality_loss:g} at {options.confidence:g}."
        raise TiermeshError(Code.INVALID_REQUEST, message, "Name another contract, or a --threshold.")
    return -math.inf if kept.threshold is None else kept.threshold


def _interval(found: off_policy.Estimate) -> str:
    return f"{found.value:.4f}  ({found.low:.4f} to {found.high:.4f})"


def _judged(parts: Sequence[Sequence[Path]], options: argparse.Namespace, progress: Progress) -> list[Judged]:
    """The data of each list of files, all with embeddings or none."""
    read = [pairs.read(paths) for paths in parts]
    if options.group is not None and read[0].domains is None:
        message = f"Not every row of {', '.join(map(str, parts[0]))} has a {options.group!r}."
        raise TiermeshError(Code.INVALID_REQUEST, message, "Fill the column, or leave --group out.")
    is_far = _choice(options) is choosing.far
    if is_far and options.embedding == "always":
        message = "An embedding is of no use for questions of another kind than those fitted to."
        raise TiermeshError(Code.INVALID_REQUEST, message, "Leave --embedding out.")
    few = not is_far and len(read[0]) < choosing.FEW
    if options.embedding == "never" or (options.embedding == "auto" and not few):
        return [Judged(found, Texts.of(found.prompts)) for found in read]
    folder = _vectors()
    return [Judged(found, Texts.of(found.prompts, encoding.embed(found.prompts, folder, progress))) for found in read]


def _vectors() -> Path:
    """Where what was embedded is kept."""
    return LearningSettings.load().home / "vectors"


def _choice(options: argparse.Namespace) -> Choice:
    return choosing.far if options.group is not None or getattr(options, "train", None) else choosing.near


class _Shown:
    """Progress as bars on standard error."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, whole: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=whole)
        self._bars.update(self._tasks[what], completed=done, total=whole)


def _table(judged: Evaluation) -> list[str]:
    head = f"{len(judged.gains)} questions   APGR   95% interval      CPT(50%)  CPT(80%)"
    parts = ("router", judged.router), ("length", judged.length), ("random", judged.random)
    return [head, *(_line(name, found, head.index("APGR")) for name, found in parts)]


def _line(name: str, found: Quality, indent: int) -> str:
    low, high = found.apgr_ci
    return f"{name:{indent}}{found.apgr:.3f}  {low:.3f} to {high:.3f}    {found.cpt50:7.1%}   {found.cpt80:7.1%}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tiermesh router", description="Learn when the heavy tier is worth its price."
    )
    commands = parser.add_subparsers(required=True, metavar="train|eval|replay")
    train = commands.add_parser("train", help="fit a router to labelled pairs, and write it with its report")
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the artifact and its report")
    judge = commands.add_parser("eval", help="how good such a router is on questions it has not seen")
    judge.add_argument("--train", type=Path, nargs="+", metavar="FILE", help="fit to these; default: 5-fold on --data")
    for command, run in ((train, _train), (judge, _eval)):
        command.add_argument(
            "--data", type=Path, nargs="+", required=True, metavar="FILE", help="CSV with prompt, weak, strong; .gz too"
        )
        command.add_argument(
            "--group", choices=["domain"], help="hold whole groups out: questions of new kinds will come"
        )
        command.add_argument(
            "--embedding",
            choices=["auto", "always", "never"],
            default="auto",
            help=f"use the encoder too; auto: for fewer than {choosing.FEW:,} questions, without --train and --group",
        )
        command.add_argument("--seed", type=int, default=0)
        command.set_defaults(run=run)
    replay = commands.add_parser("replay", help="what a router would have come to on logged requests")
    replay.add_argument("--data", type=Path, nargs="+", required=True, metavar="LOG", help="requests and reports")
    replay.add_argument("--router", type=Path, required=True, metavar="FILE", help="the artifact")
    replay.add_argument("--threshold", type=float, help="of the estimated gain; by default the contract's")
    replay.add_argument("--outcome", default="quality", help="the name of the reports (quality)")
    replay.set_defaults(run=_replay)
    for command in (train, replay):
        command.add_argument(
            "--max-quality-loss", type=_share, default=Contract().max_loss, help="quality lost a request (0.02)"
        )
        command.add_argument("--confidence", type=_share, default=Contract().confidence, help="of that bound (0.95)")
    for command in (train, judge, replay):
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _share(text: str) -> float:
    if not 0 < (share := float(text)) < 1:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return share


if __name__ == "__main__":
    sys.exit(main())
