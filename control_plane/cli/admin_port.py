"""A router's admin port, as the commands ask it."""

from collections.abc import Mapping
from typing import Annotated, Any

import httpx2
import typer

from control_plane.client.reaching import trusted
from control_plane.spec.errors import Code, TiermeshError

ROUTER_ADMIN_URL = "http://127.0.0.1:8082"

NO_HEADERS: Mapping[str, str] = {}

Router = Annotated[str, typer.Option("--router", envvar="TIERMESH_ADMIN", help="The router's admin address.")]


def ask(
    router: str, path: str, body: bytes | None = None, more_headers: Mapping[str, str] = NO_HEADERS
) -> dict[str, Any]:
    """GET a path, or POST a body of JSON to it; returns the JSON object that came back.

    Raises TiermeshError: UNAVAILABLE where nothing answers, UPSTREAM_FAILED where it is no router, NOT_FOUND and
    INVALID_REQUEST as the router says.
    """
    try:
        with httpx2.Client(trust_env=False, verify=trusted(router)) as http:
            url = router.rstrip("/") + path
            headers = {**more_headers, "content-type": "application/json"}
            response = http.get(url) if body is None else http.post(url, content=body, headers=headers)
        answer = response.json()
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        message = f"The router's admin port at {router} does not answer ({type(error).__name__})."
        raise TiermeshError(
            Code.UNAVAILABLE, message, "Start it with 'tiermesh up', or name it with --router."
        ) from error
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or (response.is_error and not isinstance(answer.get("error"), dict)):
        message = f"{router} answered {response.status_code} and is not a router's admin port."
        raise TiermeshError(Code.UPSTREAM_FAILED, message, f"The default is {ROUTER_ADMIN_URL}.")
    if response.is_error:
        code = Code.NOT_FOUND if response.status_code == httpx2.codes.NOT_FOUND else Code.INVALID_REQUEST
        raise TiermeshError(code, str(answer["error"].get("message", answer["error"])))
    return answer
