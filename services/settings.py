"""Addresses and credentials, from the environment alone: nothing here is ever written down or sent on.

GAN_STUDY_CLUSTER                       the cluster's dashboard, http://HOST:8265
RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH     its token, or the file with it; else ~/.ray/auth_token, as Ray itself does
GAN_STUDY_LEDGER                        on a cluster: the shared folder that a study's relative ledger.root is below
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from studies.errors import InputError
from studies.sentences import printable

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class Token:
    """A cluster's token; `origin` says where it came from, so that sentences need not show it."""

    value: str = field(repr=False)
    origin: str


def cluster_url(given: str | None) -> str:
    """The cluster's address, as given or from the environment, without a slash at its end.

    Errors: `InputError` if there is none, or none that can be used.
    """
    url = given or os.environ.get("GAN_STUDY_CLUSTER", "")
    if not url:
        raise InputError("--cluster: must be given, or GAN_STUDY_CLUSTER set, as in http://127.0.0.1:8265")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable():
        raise InputError(
            f"--cluster: must be the address of Ray's dashboard, as in http://127.0.0.1:8265, but is {printable(url)}"
        )
    if parts.username or parts.password:
        raise InputError("--cluster: must not hold a user or a password; a token belongs into RAY_AUTH_TOKEN")
    return url.rstrip("/")


def sends_token_in_clear(url: str, token: Token | None) -> bool:
    """Whether whoever listens on the way could read the token, and with it run any code on the cluster."""
    parts = urlsplit(url)
    return token is not None and parts.scheme == "http" and parts.hostname not in LOOPBACK


def cluster_token() -> Token | None:
    """The token for the cluster, if there is one.

    Errors: `InputError` if the place that should hold it does not.
    """
    if "RAY_AUTH_TOKEN" in os.environ:
        return _token(os.environ["RAY_AUTH_TOKEN"], "RAY_AUTH_TOKEN")
    given = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(given or "~/.ray/auth_token").expanduser()
    if not given and not path.is_file():
        return None
    try:
        return _token(path.read_text(), f"RAY_AUTH_TOKEN_PATH ({path})" if given else str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f"{path}: must hold the cluster's token, but cannot be read ({reason})") from None


def _token(text: str, origin: str) -> Token:
    value = text.strip()
    if not value or not value.isascii() or not value.isprintable():
        raise InputError(
            f"{origin}: must hold the cluster's token, but {'is empty' if not value else 'holds no token'}"
        )
    return Token(value=value, origin=origin)


def cluster_ledger() -> Path | None:
    """On a cluster's nodes: the shared folder for ledgers, if the cluster names one."""
    folder = os.environ.get("GAN_STUDY_LEDGER")
    return Path(folder) if folder else None
