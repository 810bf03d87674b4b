"""`python -m services.docker.healthy URL ...`: exit 0 if the service of this container answers at every URL.

It imports only the standard library, to start fast: Docker runs it every few seconds.
"""

import base64
import os
import sys
import urllib.error
import urllib.request


def credentials() -> dict[str, str]:
    """HTTP headers with the credentials in this container's environment variables; empty if there are none."""
    if "RAY_AUTH_TOKEN" in os.environ:
        return {"Authorization": f"Bearer {os.environ['RAY_AUTH_TOKEN']}"}
    if "MLFLOW_AUTH_ADMIN_PASSWORD" in os.environ:
        user = f"{os.environ['MLFLOW_AUTH_ADMIN_USERNAME']}:{os.environ['MLFLOW_AUTH_ADMIN_PASSWORD']}"
        return {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
    return {}


def problem(url: str) -> str | None:
    """Description of what is wrong with the service, None if nothing is."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=credentials()), timeout=15) as answer:
            return None if answer.status == 200 else f"HTTP {answer.status}"
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except OSError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(next((found for url in sys.argv[1:] if (found := problem(url)) is not None), None))
