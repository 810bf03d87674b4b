"""`python -m services.docker.mlflow_users`: the accounts of the MLflow server, before it starts.

MLFLOW_AUTH_ADMIN_USERNAME, MLFLOW_AUTH_ADMIN_PASSWORD  administrator, whose password only this container has
MLFLOW_WRITER_USERNAME, MLFLOW_WRITER_PASSWORD          the cluster's driver and the commands of users: it creates
                                                        experiments, writes its own and reads all, but manages no users

A password that was changed in the environment replaces the former one, and an account that is the writer's now loses
an administrator's rights. The database is that of the server's settings (MLFLOW_AUTH_CONFIG_PATH).
"""

import os
import sys

from mlflow.server.auth.config import read_auth_config
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore


def ensure_user(store: SqlAlchemyStore, name: str, password: str, *, is_admin: bool) -> str | None:
    """Give an account this password and these rights; returns what was changed, None if nothing was."""
    if not store.has_user(name, use_primary=True):
        store.create_user(name, password, is_admin=is_admin)
        return f"created the account {name}"
    changed = store.get_user(name).is_admin != is_admin
    new_password = not store.authenticate_user(name, password, use_primary=True)
    if not changed and not new_password:
        return None
    store.update_user(name, password=password if new_password else None, is_admin=is_admin)
    return f"changed the {'password' if new_password else 'rights'} of the account {name}"


def main() -> None:
    """Create or correct both accounts."""
    store = SqlAlchemyStore()
    store.init_db(read_auth_config().database_uri)
    for prefix, is_admin in (("MLFLOW_AUTH_ADMIN", True), ("MLFLOW_WRITER", False)):
        name, password = os.environ[f"{prefix}_USERNAME"], os.environ[f"{prefix}_PASSWORD"]
        if (sentence := ensure_user(store, name, password, is_admin=is_admin)) is not None:
            print(sentence, file=sys.stderr)


if __name__ == "__main__":
    main()
