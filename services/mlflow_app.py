"""MLflow's web application without its assistant, which runs programs and changes files for whoever asks it.

MLflow's assistant answers every account of the machine on which the server listens, without a password, with the
permissions of the user who started the server. MLflow imports this module by the entry point `mlflow.app`, and has no
setting that leaves the assistant out.
"""

from typing import Any

from mlflow.server.fastapi_app import app as mlflow_app

ASSISTANT = "/mlflow/assistant"
"""Part of the paths of all requests to the assistant."""


class WithoutAssistant:
    """An ASGI application that answers requests to the assistant with 404 and passes on all others."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and ASSISTANT in scope["path"]:
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"gan-study ui serves MLflow without its assistant\n"})
        else:
            await mlflow_app(scope, receive, send)


app = WithoutAssistant()
