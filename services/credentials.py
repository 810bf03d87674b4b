"""Addresses and credentials of a cluster, from the environment. They are never written to a file or sent with a job.

GAN_STUDY_CLUSTER                    address of the cluster's dashboard, http://HOST:8265
RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH  the token of that cluster, or the file with it; without GAN_STUDY_CLUSTER it is
                                     sent to loopback addresses alone
~/.ray/auth_token                    the token of Ray's clusters on this machine, sent to loopback addresses alone
GAN_STUDY_LEDGER                     on a cluster: the shared folder below which a relative ledger.root lies
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from studies.errors import InputError
from studies.file.messages import escape_control

LOOPBACK = ("localhost", "127.0.0.1", "::1")
OWN_TOKEN = "~/.ray/auth_token"
"""File into which Ray writes the token of the clusters that it starts on this machine."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A cluster's token.

    origin  the variable or file that it was read from; error messages show this instead of the token
    """

    value: str = field(repr=False)
    origin: str


def cluster_url(address: str | None) -> str:
    """The cluster's address, from the argument or else from the environment, without a slash at its end.

    Errors: `InputError` if there is no address, or it is not an http or https URL, or it contains a user or password.
    """
    url = address or os.environ.get("GAN_STUDY_CLUSTER", "")
    if not url:
        raise InputError("--cluster: must be given, or GAN_STUDY_CLUSTER be set, as in http://127.0.0.1:8265")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable():
        shown = escape_control(url)
        raise InputError(
            f"--cluster: must be the address of Ray's dashboard, as in http://127.0.0.1:8265, but is {shown}"
        )
    if parts.username or parts.password:
        raise InputError("--cluster: must not contain a user or a password; put the token into RAY_AUTH_TOKEN")
    return url.rstrip("/")


def sends_token_in_clear(url: str, token: Token | None) -> bool:
    """True if the token would be sent unencrypted over a network: anyone who reads it can run code on the cluster."""
    parts = urlsplit(url)
    return token is not None and parts.scheme == "http" and parts.hostname not in LOOPBACK


def cluster_token(url: str) -> Token | None:
    """The token for the cluster at an address, None if there is none: a token is sent to its own cluster alone.

    Errors: `InputError` if the configured variable or file cannot be read or holds no valid token, and if it belongs
    to another cluster.
    """
    if "RAY_AUTH_TOKEN" in os.environ:
        _refuse_other_cluster(url, "RAY_AUTH_TOKEN")
        return _token(os.environ["RAY_AUTH_TOKEN"], "RAY_AUTH_TOKEN")
    configured = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(configured or OWN_TOKEN).expanduser()
    if configured:
        _refuse_other_cluster(url, "RAY_AUTH_TOKEN_PATH")
    elif urlsplit(url).hostname not in LOOPBACK or not path.is_file():
        return None
    try:
        return _token(path.read_text(encoding="utf-8"), f"RAY_AUTH_TOKEN_PATH ({path})" if configured else str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(f"{path}: must contain the cluster's token, but cannot be read ({reason})") from None


def _refuse_other_cluster(url: str, variable: str) -> None:
    own = os.environ.get("GAN_STUDY_CLUSTER")
    if not own and urlsplit(url).hostname not in LOOPBACK:
        raise InputError(
            f"--cluster: the token in {variable} is sent to another machine only if GAN_STUDY_CLUSTER names the "
            f"cluster that it belongs to; if that is this one, set GAN_STUDY_CLUSTER={url}"
        )
    if own and _origin(own) != _origin(url):
        raise InputError(
            f"--cluster: the token in {variable} belongs to {escape_control(own)} (GAN_STUDY_CLUSTER) and is not sent "
            f"to {url}; to use it there, set GAN_STUDY_CLUSTER to this address"
        )


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", url, None


def _token(text: str, origin: str) -> Token:
    value = text.strip()
    if not value or not value.isascii() or not value.isprintable():
        raise InputError(
            f"{origin}: must contain the cluster's token, but {'is empty' if not value else 'has other characters'}"
        )
    return Token(value=value, origin=origin)


def cluster_ledger() -> Path | None:
    """The shared folder for ledgers on the nodes of a cluster; None if GAN_STUDY_LEDGER is not set."""
    folder = os.environ.get("GAN_STUDY_LEDGER")
    return Path(folder) if folder else None
