"""The command-line program gan-study, and its code for Ray clusters and for the MLflow server.

    import services, studies

    services.submit(studies.Study.load("first-study"), cluster="http://127.0.0.1:8265")

Names are imported on first use; `__init__.pyi` lists them.
"""

from typing import Any

import lazy_loader

_exported, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    import studies  # noqa: F401  # first, since it says which extra is missing

    return _exported(name)
