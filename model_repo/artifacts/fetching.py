"""Fetching one file over HTTP, going on where an earlier try was cut.

A part of a file is gone on with only where the server proves that it is still the same file: with If-Range (RFC 9110,
13.1.5) and the strong ETag, or else the date, that came with the part. Any other part is thrown away.
"""

import re
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import httpx2

from control_plane.spec.errors import Code, TiermeshError
from model_repo.artifacts.errors import too_large, unusable

Heard = Callable[[int], None]
"""Told how many bytes of the file are here."""

_CUTS = 20
"""Cuts after which a fetch gives up, until the next start goes on with it."""
_FRUITLESS = 3
"""The same, of tries in a row that brought nothing."""
_PAUSE_SECONDS = 0.5
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


def client() -> httpx2.Client:
    """What all files of an artifact are fetched with; honours the environment's proxies."""
    return httpx2.Client(timeout=httpx2.Timeout(60, connect=10), follow_redirects=True, max_redirects=5)


def fetch(http: httpx2.Client, url: str, file: Path, most_bytes: int, heard: Heard = lambda _: None) -> None:
    """Bring the whole file here. What a cut left of it, here or in an earlier process, is not fetched again.

    Raises TiermeshError: SETUP where the server has no such file or it is too large, UNAVAILABLE where it cannot be
    reached or cuts again and again; what has come stays for the next try.
    """
    fruitless = 0
    for _ in range(_CUTS):
        before = _size(file)
        try:
            _receive(http, url, file, most_bytes, heard)
            _tag(file).unlink(missing_ok=True)
            return
        except (httpx2.TransportError, httpx2.TooManyRedirects, _Again) as error:
            last = error
        fruitless = 0 if _size(file) > before else fruitless + 1
        if fruitless == _FRUITLESS:
            break
        time.sleep(_PAUSE_SECONDS * fruitless)
    why = str(last) or type(last).__name__
    message = f"{url} cannot be fetched: {why}; {_size(file)} bytes of it are here."
    raise TiermeshError(Code.UNAVAILABLE, message, "The next start goes on with it: check the address and the network.")


class _Again(Exception):
    """The server's answer brings nothing now; the next may."""


def _receive(http: httpx2.Client, url: str, file: Path, most_bytes: int, heard: Heard) -> None:
    here, tag = _size(file), _tag(file).read_text(encoding="ascii") if _tag(file).exists() else ""
    # Without `identity` a server may compress what is weighed and counted here.
    headers = {"accept-encoding": "identity"}
    if here and tag:
        headers |= {"range": f"bytes={here}-", "if-range": tag}
    with http.stream("GET", url, headers=headers) as answer:
        goes_on = answer.status_code == HTTPStatus.PARTIAL_CONTENT
        if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or (goes_on and _start(answer) != here):
            _forget(file)
            raise _Again("it refused the part that was missing")
        if answer.status_code in _WORTH_ANOTHER_TRY:
            raise _Again(f"it answered {answer.status_code}")
        if not goes_on and answer.status_code != HTTPStatus.OK:
            raise unusable(url, f"the server answered {answer.status_code}", "Correct the address in `source`.")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise unusable(url, "the server compresses it unasked", "Serve the file as it is.")
        if not goes_on:
            here = 0
            _tag(file).write_text(_validator(answer), encoding="ascii")
        with file.open("ab" if goes_on else "wb") as content:
            for chunk in answer.iter_raw():  # as it comes: pieces of a size would be lost where it is cut
                here += len(chunk)
                if here > most_bytes:
                    raise too_large(url, most_bytes)
                content.write(chunk)
                heard(here)


def _validator(answer: httpx2.Response) -> str:
    etag = str(answer.headers.get("etag", ""))
    tag = etag if etag.startswith('"') else str(answer.headers.get("last-modified", ""))
    return tag if tag.isascii() and tag.isprintable() else ""


def _start(answer: httpx2.Response) -> int | None:
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    return int(found[1]) if found else None


def _tag(file: Path) -> Path:
    return file.with_name(f"{file.name}.tag")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _forget(file: Path) -> None:
    for path in (file, _tag(file)):
        path.unlink(missing_ok=True)
