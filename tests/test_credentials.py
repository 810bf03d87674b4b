import pytest

from services.credentials import Token, cluster_token, cluster_url, sends_token_in_clear
from studies.errors import InputError


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "GAN_STUDY_CLUSTER", "GAN_STUDY_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8265", "ray://127.0.0.1:10001", "http://", "http://a:port", "http://u:secret@h:1", "http://a\n"],
)
def test_an_unusable_address_is_refused_without_its_password(url):
    with pytest.raises(InputError, match=r"^--cluster: ") as refused:
        cluster_url(url)
    assert "secret" not in str(refused.value)


def test_the_address_is_read_from_the_environment_if_none_is_given(monkeypatch):
    monkeypatch.setenv("GAN_STUDY_CLUSTER", "http://127.0.0.1:8265/")
    assert cluster_url(None) == "http://127.0.0.1:8265"
    assert cluster_url("https://ray.example") == "https://ray.example"


HERE, ELSEWHERE = "http://127.0.0.1:8265", "https://ray.example"


def token_for(url):
    found = cluster_token(url)
    return None if found is None else found.value


def test_the_token_is_read_from_the_variable_then_the_named_file_then_rays_file(monkeypatch, tmp_path):
    assert token_for(HERE) is None
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("own\n")
    assert token_for(HERE) == "own"
    (tmp_path / "named").write_text("named")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "named"))
    assert token_for(HERE) == "named"
    monkeypatch.setenv("RAY_AUTH_TOKEN", "direct")
    assert token_for(HERE) == "direct"
    assert "direct" not in repr(cluster_token(HERE))


def test_the_token_of_this_machine_is_sent_to_no_other(monkeypatch, tmp_path):
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("own")
    for url in ("http://localhost:8265", "http://127.0.0.1:1", "https://[::1]:8265"):
        assert token_for(url) == "own"
    for url in (ELSEWHERE, "http://localhost.example:8265", "http://10.0.0.1:8265"):
        assert token_for(url) is None
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / ".ray" / "auth_token"))
    monkeypatch.setenv("GAN_STUDY_CLUSTER", ELSEWHERE)
    assert token_for(ELSEWHERE) == "own"


@pytest.mark.parametrize("variable", ["RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"])
def test_a_token_of_no_named_cluster_stays_on_this_machine(monkeypatch, tmp_path, variable):
    (tmp_path / "named").write_text("named")
    monkeypatch.setenv(variable, str(tmp_path / "named"))
    assert token_for(HERE) is not None
    with pytest.raises(InputError) as refused:
        cluster_token(ELSEWHERE)
    assert str(refused.value) == (
        f"--cluster: the token in {variable} is sent to another machine only if GAN_STUDY_CLUSTER names the cluster "
        f"that it belongs to; if that is this one, set GAN_STUDY_CLUSTER={ELSEWHERE}"
    )


@pytest.mark.parametrize("variable", ["RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"])
@pytest.mark.parametrize("other", [HERE, "https://ray.example:8265", "http://ray.example", "https://ray.example.org"])
def test_a_token_of_the_configured_cluster_is_sent_to_no_other(monkeypatch, tmp_path, variable, other):
    (tmp_path / "named").write_text("named")
    monkeypatch.setenv(variable, str(tmp_path / "named"))
    monkeypatch.setenv("GAN_STUDY_CLUSTER", ELSEWHERE)
    assert token_for("https://RAY.example:443/") is not None
    with pytest.raises(InputError) as refused:
        cluster_token(other)
    assert str(refused.value) == (
        f"--cluster: the token in {variable} belongs to {ELSEWHERE} (GAN_STUDY_CLUSTER) and is not sent to {other}; "
        "to use it there, set GAN_STUDY_CLUSTER to this address"
    )


def test_an_empty_or_missing_token_is_refused_with_its_origin(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "absent"))
    with pytest.raises(InputError, match="absent: must contain the cluster's token, but cannot be read"):
        cluster_token(HERE)
    monkeypatch.setenv("RAY_AUTH_TOKEN", " ")
    with pytest.raises(InputError, match=r"^RAY_AUTH_TOKEN: must contain the cluster's token, but is empty"):
        cluster_token(HERE)


def test_a_token_is_unencrypted_only_over_http_to_another_machine():
    token = Token(value="x", origin="RAY_AUTH_TOKEN")
    assert sends_token_in_clear("http://ray.example:8265", token)
    assert not sends_token_in_clear("http://127.0.0.1:8265", token)
    assert not sends_token_in_clear("https://ray.example", token)
    assert not sends_token_in_clear("http://ray.example:8265", None)
