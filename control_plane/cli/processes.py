"""`tiermesh router`, what learns for it, and `tiermesh control-plane`: this process becomes that one."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from control_plane.cli.options import SERVER, As, Server, connect
from control_plane.cli.printing import Output, show
from control_plane.client.files import read_artifact
from control_plane.spec.learned import SUFFIX, read

_CONFIG = "TIERMESH_ROUTER_CONFIG"
_CONTROL_PLANE_URL = "TIERMESH_ROUTER_CONTROL_PLANE_URL"
_DATA = "--data answers.csv.gz"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(invoke_without_command=True, epilog="Example: tiermesh router --config examples/shop")
    group.callback()(router)
    given = {"allow_extra_args": True, "ignore_unknown_options": True}
    group.command(context_settings=given, epilog=f"Example: tiermesh router train {_DATA} --out routers")(train)
    group.command("eval", context_settings=given, epilog=f"Example: tiermesh router eval {_DATA} --json")(evaluate)
    example = "Example: tiermesh router replay --data traffic.jsonl --router routers/4f1c9f0c7be2466e.router.json"
    group.command(context_settings=given, epilog=example)(replay)
    group.command(epilog="Example: tiermesh router push routers/4f1c9f0c7be2466e.router.json")(push)
    app.add_typer(group, name="router")
    app.command("control-plane", epilog="Example: TIERMESH_CONTROL_PLANE_PORT=9090 tiermesh control-plane")(
        control_plane
    )


def router(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE|DIR", help="Documents to follow.")] = None,
    server: Server = SERVER,
) -> None:
    """Run a router that follows a file or folder of documents, or else the control plane."""
    if context.invoked_subcommand is not None:
        return
    environment = dict(os.environ)
    if config is not None:
        environment.pop(_CONTROL_PLANE_URL, None)
        environment[_CONFIG] = str(config.absolute())
    elif _CONFIG not in environment:
        environment.setdefault(_CONTROL_PLANE_URL, server)
    _become("routers", environment)


def train(context: typer.Context) -> None:
    """Fit a router to labelled pairs, and write it with its report and a threshold that keeps a bound on what it loses.

    --data FILE... (columns prompt, weak, strong), --out DIR, --max-quality-loss 0.02, --confidence 0.95,
    --group domain, --embedding auto|always|never, --seed 0, --json.
    """
    _become("routers.learning", dict(os.environ), "train", *context.args)


def evaluate(context: typer.Context) -> None:
    """Judge such a router by questions it has not seen, beside length and chance.

    --data FILE..., --train FILE... (by default 5 folds of --data), --group domain,
    --embedding auto|always|never, --seed 0, --json.
    """
    _become("routers.learning", dict(os.environ), "eval", *context.args)


def replay(context: typer.Context) -> None:
    """Estimate what a learned router would have come to on logged requests, before it is deployed.

    --data LOG... (JSON lines: requests as routers log them, and reports of their answers), --router FILE,
    --max-quality-loss 0.02, --confidence 0.95 or --threshold, --outcome quality, --json.
    """
    _become("routers.learning", dict(os.environ), "replay", *context.args)


def push(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="HASH.router.json, as 'router train' wrote it.")],
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Have the control plane keep a learned router, for Routes that name it in spec.complexity.router."""
    name, text = file.name.removesuffix(SUFFIX), read_artifact(file)
    read(name, text)
    with connect(server) as client:
        added = client.keep_artifact(name, text)
    if output is not Output.TABLE:
        show({"name": name, "added": added}, output)
    else:
        typer.echo(f"{name} is {'kept' if added else 'kept already'}: name it in spec.complexity.router.")


def control_plane() -> None:
    """Run the control plane; its settings are TIERMESH_CONTROL_PLANE_… in the environment."""
    _become("control_plane", dict(os.environ))


def _become(module: str, environment: dict[str, str], *arguments: str) -> NoReturn:
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)
