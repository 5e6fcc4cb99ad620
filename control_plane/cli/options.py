"""Options that several commands share, and what they stand for."""

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from control_plane.cli.printing import Output
from control_plane.client.files import parse_documents, read_documents
from control_plane.client.reaching import DEFAULT_URL
from control_plane.client.trials import TrialsClient
from control_plane.spec.base import nearest
from control_plane.spec.documents import PLURALS, Document
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import DEFAULT_NAMESPACE

TOKEN_FILE = "TIERMESH_TOKEN_FILE"


def _kind(word: str) -> str:
    kinds = {spelling.lower(): kind for plural, kind in PLURALS.items() for spelling in (plural, kind)}
    if word.lower() in kinds:
        return kinds[word.lower()]
    near = nearest(word, list(kinds))
    raise typer.BadParameter(f"there is no kind {word!r}; " + (f"did you mean {near!r}?" if near else ", ".join(kinds)))


Server = Annotated[str, typer.Option("--server", envvar="TIERMESH_SERVER", help="The control plane's address.")]
Kind = Annotated[str, typer.Argument(metavar="KIND", callback=_kind, help=f"{', '.join(PLURALS.values()).lower()}.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The document's name.")]
File = Annotated[
    Path, typer.Option("-f", "--file", metavar="FILE|DIR|-", help="YAML or JSON documents; - reads standard input.")
]
Namespace = Annotated[
    str | None, typer.Option("-n", "--namespace", envvar="TIERMESH_NAMESPACE", help="By default 'default'.")
]
Namespaces = Annotated[
    str | None, typer.Option("-n", "--namespace", envvar="TIERMESH_NAMESPACE", help="One, or '*' for all.")
]
Manager = Annotated[str, typer.Option("--manager", help="Write as this one: needed for documents that it manages.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept beside what is written.")]
Vars = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="The value of a variable of the prompt.")
]
As = Annotated[Output, typer.Option("-o", "--output", help="How to print it.")]

TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        envvar=TOKEN_FILE,
        help="A file with your API token; TIERMESH_TOKEN can hold the token itself. On one machine none is needed.",
    ),
]

SERVER = DEFAULT_URL


def connect(server: str) -> TrialsClient:
    """A client of the control plane, with the caller's token where there is one.

    Raises TiermeshError(INVALID_REQUEST) where the token's file cannot be read.
    """
    return TrialsClient(server, token=_token())


def _token() -> SecretStr | None:
    """From the file that was named, or else from the environment; never from an argument, which others can see."""
    file = os.environ.get(TOKEN_FILE)
    if not file:
        return SecretStr(text) if (text := os.environ.get("TIERMESH_TOKEN")) else None
    try:
        return SecretStr(Path(file).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise TiermeshError(
            Code.INVALID_REQUEST, f"The token's file {file} cannot be read: {why}.", "Check --token-file."
        ) from error


def documents_of(file: Path, namespace: str | None = None) -> list[Document]:
    """The documents that `-f` names. Those that do not say a namespace are in the given one.

    Raises TiermeshError where there are none, one is not valid, or one is in another namespace than the given one.
    """
    space = namespace or DEFAULT_NAMESPACE
    if str(file) == "-":
        documents = parse_documents(sys.stdin.read(), "standard input", namespace=space)
    else:
        documents = read_documents(file, space)
    for document in documents:
        if namespace and document.metadata.namespace != namespace:
            message = f"{document.key} is not in namespace {namespace!r}."
            raise TiermeshError(Code.INVALID_DOCUMENT, message, "Leave -n out, or take the namespace out of it.")
    return documents


def author() -> str:
    """Who types, where no token says it: the name of the account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "anonymous"


def pairs(written: list[str], option: str = "--var") -> dict[str, str]:
    """The values that an option gives as NAME=VALUE, each time that it stands there."""
    found = {}
    for one in written:
        name, equals, value = one.partition("=")
        if not equals:
            raise typer.BadParameter(f"{one!r} is not NAME=VALUE", param_hint=option)
        found[name] = value
    return found
