"""Check that the packages of the extra [studies] are installed."""

from importlib.util import find_spec

PACKAGES = (
    *("aiohttp", "alembic", "jinja2", "joblib", "matplotlib", "mlflow", "opda", "optuna", "pandas", "psutil"),
    *("pydantic", "ray", "requests", "rich", "sqlalchemy", "threadpoolctl", "typer", "urllib3"),
)
"""Packages of the extra [studies], by the names under which they are imported."""


def check_requirements() -> None:
    """Check that every package of the extra [studies] can be imported, without importing any.

    Errors: `ModuleNotFoundError`, whose sentence names the extra, if one cannot.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        others = (
            f" and {len(missing) - 1} others" if len(missing) > 2 else "".join(f" and {name}" for name in missing[1:])
        )
        raise ModuleNotFoundError(
            f"studies need the extra [studies] of gan-studies, which is not installed (it lacks {missing[0]}{others}): "
            "pip install 'gan-studies[studies]', or '.[studies]' in a copy of its repository"
        )
