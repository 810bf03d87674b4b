"""A preparation of the driver that ends it with an error, whose message lists the threads of its BLAS libraries."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from studies.driver_entry import Prepared
from studies.errors import InputError


@contextmanager
def prepare(request: Mapping[str, Any]) -> Iterator[Prepared]:
    pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    if pools:
        raise InputError(f"threads: {pools}")
    yield Prepared(**request)
