"""python -m services.docker.healthy URL: exit 0 if this container's own service answers there to its own credentials.

The standard library alone: it runs every few seconds for as long as the container does.
"""

import base64
import os
import sys
import urllib.error
import urllib.request


def credentials() -> dict[str, str]:
    """What the service of this container asks for, from the environment that the service itself was given."""
    if "RAY_AUTH_TOKEN" in os.environ:
        return {"Authorization": f"Bearer {os.environ['RAY_AUTH_TOKEN']}"}
    if "MLFLOW_AUTH_ADMIN_PASSWORD" in os.environ:
        user = f"{os.environ['MLFLOW_AUTH_ADMIN_USERNAME']}:{os.environ['MLFLOW_AUTH_ADMIN_PASSWORD']}"
        return {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
    return {}


def problem(url: str) -> str | None:
    """What is wrong with the service, or None."""
    asking = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with asking.open(urllib.request.Request(url, headers=credentials()), timeout=15) as answer:
            return None if answer.status == 200 else f"HTTP {answer.status}"
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except OSError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(problem(sys.argv[1]))
