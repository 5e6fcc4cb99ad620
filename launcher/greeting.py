"""What `tiermesh up` says once it is ready."""

import json

from launcher.settings import UpSettings

_QUESTION = "How long does delivery take?"


def greeting(settings: UpSettings, model: str | None) -> str:
    """The addresses, and one command to try where a route answers."""
    router = f"http://127.0.0.1:{settings.router_port}/v1"
    lines = [
        "",
        f"  OpenAI API     {router}",
        f"  OIP over gRPC  127.0.0.1:{settings.router_grpc_port}",
        f"  control plane  {settings.control_plane_url}",
        f"  logs           {settings.home / 'logs'}",
        *_first_time(settings),
        "",
        "Ctrl-C stops it, or 'tiermesh down'.",
    ]
    if model is None:
        return "\n".join([*lines, "No Route yet: 'tiermesh apply -f FILE' brings one."])
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": _QUESTION}]})
    return "\n".join(
        [
            *lines,
            "Try:",
            f"  curl -i {router}/chat/completions -H 'content-type: application/json' \\",
            f"    -d '{body}'",
        ]
    )


def _first_time(settings: UpSettings) -> list[str]:
    """Where the first start left the admin's token, until somebody takes it away."""
    file = settings.home / "admin-token"
    return [f"  admin's token  {file} (keep it elsewhere and delete the file)"] if file.exists() else []
