"""The API's description of itself: OpenAPI that says what is really taken and answered."""

from typing import Any

from fastapi import FastAPI
from typing_extensions import override

from control_plane.api.problems import PROBLEM

_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API token, or a token of the OpenID Connect provider.",
}
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")


class DescribedApi(FastAPI):
    """FastAPI, of which the description leaves out how it would report errors, as those are problems here."""

    @override
    def openapi(self) -> dict[str, Any]:
        """The document at /v1/openapi.json; made once."""
        if self.openapi_schema is None:
            described = super().openapi()
            components = described["components"]
            for name in _FRAMEWORKS_OWN:
                components["schemas"].pop(name)
            components["schemas"]["Problem"] = PROBLEM
            components["securitySchemes"] = {"token": _BEARER}
            described["security"] = [{"token": []}]
            for operation in (found for path in described["paths"].values() for found in path.values()):
                answers = operation["responses"]
                if "application/json" in answers.get("422", {}).get("content", {}):
                    del answers["422"]
        assert self.openapi_schema is not None
        return self.openapi_schema
