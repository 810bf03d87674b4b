"""MLflow's web application without its assistant, which runs programs and changes files for whoever asks it.

MLflow's assistant answers every account of the machine on which the server listens, without a password, with the
permissions of the user who started the server. MLflow imports this module by the entry point `mlflow.app`, and has no
setting that leaves the assistant out.
"""

from typing import Any

from mlflow.server.fastapi_app import app as mlflow_app
from starlette.responses import PlainTextResponse

ASSISTANT = "/mlflow/assistant"
"""Part of the paths of all requests to the assistant."""


class WithoutAssistant:
    """An ASGI application that answers requests to the assistant with 404 and passes on all others."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if ASSISTANT in scope.get("path", ""):
            refusal = PlainTextResponse("gan-study ui serves MLflow without its assistant\n", status_code=404)
            await refusal(scope, receive, send)
        else:
            await mlflow_app(scope, receive, send)


app = WithoutAssistant()
