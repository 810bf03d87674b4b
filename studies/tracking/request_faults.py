"""Reasons why a request over HTTP failed, from the exceptions of requests and urllib3 that lie below an error."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import requests
import urllib3.exceptions as urllib3_errors


@dataclass(frozen=True, kw_only=True)
class RequestFault:
    """Reason of a failed request.

    words   what happened, to be put in parentheses after "cannot be reached"
    status  HTTP status if a server answered with errors until the client gave up; None if none answered
    slow    True if a server accepted the connection, but did not answer in time
    """

    words: str
    status: int | None = None
    slow: bool = False


NO_ANSWER = "nothing answers there"
_TIMEOUTS = (requests.Timeout, urllib3_errors.TimeoutError)
_PROXIES = (requests.exceptions.ProxyError, urllib3_errors.ProxyError)
_SLOW = (requests.ReadTimeout, urllib3_errors.ReadTimeoutError)
_TLS = (requests.exceptions.SSLError, urllib3_errors.SSLError)
_ADDRESSES = (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema)


def request_fault(error: BaseException) -> RequestFault | None:
    """Reason why a request failed, from an error or those that it was raised from; None for any other error."""
    below = list(_below(error))
    texts = [str(found) for found in below]
    repeated = next((match for text in texts if (match := re.search(r"too many (\d{3}) error responses", text))), None)
    if repeated is not None:
        return RequestFault(words=f"HTTP {repeated[1]}", status=int(repeated[1]))
    for kinds, words in (
        (_PROXIES, "the proxy of HTTP_PROXY or HTTPS_PROXY does not answer or refuses"),
        (_TLS, _tls_words(texts)),
        ((urllib3_errors.NameResolutionError,), "no machine has this name"),
        ((urllib3_errors.NewConnectionError,), NO_ANSWER),  # which urllib3 counts among its timeouts
        (_TIMEOUTS, "no answer in time"),
        ((requests.TooManyRedirects,), "it redirects without end"),
        (_ADDRESSES, "the address is invalid"),
        ((urllib3_errors.ProtocolError,), "the connection is closed without an answer"),
        ((requests.ConnectionError,), NO_ANSWER),
    ):
        if any(isinstance(found, kinds) for found in below):
            return RequestFault(words=words, slow=any(isinstance(found, _SLOW) for found in below))
    return None


def _tls_words(texts: list[str]) -> str:
    if any("CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text for text in texts):
        return "its TLS certificate is not trusted; REQUESTS_CA_BUNDLE names a file of further certificates"
    return "it does not speak TLS there; use http in place of https"


def _below(error: BaseException) -> Iterator[BaseException]:
    """An error, the errors that it was raised from or during, and those in their arguments, each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        further = (found.__cause__, found.__context__, getattr(found, "reason", None), *found.args)
        waiting += [other for other in further if isinstance(other, BaseException)]
