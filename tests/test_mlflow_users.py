import pytest


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of what MLflow imports
def test_accounts_are_created_once_and_follow_changed_passwords_and_rights(tmp_path, monkeypatch, capsys):
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    from services.docker import mlflow_users

    settings = tmp_path / "auth.ini"
    database = f"sqlite:///{tmp_path}/users.db"
    settings.write_text(f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {database}\n")
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(settings))
    store = SqlAlchemyStore()
    store.init_db(database)
    store.create_user("gan-studies", "first-password", is_admin=True)  # as the versions before two accounts did

    def run(admin: str, writer: str) -> list[str]:
        values = {"AUTH_ADMIN_USERNAME": "admin", "AUTH_ADMIN_PASSWORD": admin}
        values |= {"WRITER_USERNAME": "gan-studies", "WRITER_PASSWORD": writer}
        for name, value in values.items():
            monkeypatch.setenv(f"MLFLOW_{name}", value)
        mlflow_users.main()
        assert store.authenticate_user("admin", admin)
        assert store.authenticate_user("gan-studies", writer)
        assert {user.username: user.is_admin for user in store.list_users()} == {"admin": True, "gan-studies": False}
        return [line for line in capsys.readouterr().err.splitlines() if "account" in line]

    changed = run("admins-password", "first-password")
    assert changed == ["created the account admin", "changed the rights of the account gan-studies"]
    assert run("admins-password", "first-password") == []
    assert run("admins-password", "second-password") == ["changed the password of the account gan-studies"]
    assert run("other-admins-password", "second-password") == ["changed the password of the account admin"]
    assert not store.authenticate_user("admin", "admins-password")
