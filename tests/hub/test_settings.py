"""Settings that cannot be used are named: the variable, what is wrong with it, and nothing secret."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import close_session, constants

from genzoo.cli import run
from genzoo.errors import InvalidInput, MissingDependency
from genzoo.hub import settings
from genzoo.hub.search import search
from tests.conftest import CLI, point_at
from tests.hub.faults import answer
from tests.hub.server import Hub


@pytest.fixture
def fresh(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, and a session that reads the environment of the test."""
    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    close_session()
    yield hub
    close_session()


def test_a_socks_proxy_without_its_package_is_a_missing_part(fresh: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:secret@127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(
        MissingDependency, match=r"speaks SOCKS, which needs socksio; try: pip install socksio"
    ) as caught:
        search()
    assert caught.value.exit_code == 6
    assert "secret" not in caught.value.message
    assert not fresh.requests


@pytest.mark.parametrize("proxy", ["ftp://127.0.0.1:9", "http://user:secret@127.0.0.1:x"])
def test_a_proxy_that_is_none_is_named(fresh: Hub, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(InvalidInput, match=r"a proxy in the environment \(ALL_PROXY, .*\) cannot be used") as caught:
        search()
    assert "secret" not in caught.value.message


def test_certificates_that_cannot_be_read_are_named(
    fresh: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "certificates"
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(InvalidInput, match=f"SSL_CERT_FILE={file} cannot be read as certificates: No such file"):
        search()
    file.write_text("no certificate")
    with pytest.raises(InvalidInput, match=f"SSL_CERT_FILE={file} cannot be read as certificates: "):
        search()


@pytest.mark.parametrize("token", ["hf_tökén", "hf_a\tb", "hf_a\u2028b"])
def test_a_token_that_cannot_be_sent_is_named(fresh: Hub, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(InvalidInput, match=r"the token for the hub .* has characters that no token has") as caught:
        search()
    assert token not in caught.value.message
    assert not fresh.requests


@pytest.mark.parametrize(("name", "value"), [("HF_HUB_ETAG_TIMEOUT", "2.5"), ("HF_HUB_DOWNLOAD_TIMEOUT", "ten")])
def test_a_timeout_that_is_none_is_named(hub: Hub, genzoo_cli: CLI, name: str, value: str) -> None:
    result = genzoo_cli("search", "--json", **{name: value})
    assert result.returncode == 2
    error = json.loads(result.stderr)["error"]["message"]
    assert error == f"{name}={value} must be a whole number of seconds, from 1 to 86,400"


@pytest.mark.parametrize("value", [-1, 10**9])
def test_a_timeout_that_no_one_can_wait_for_is_named(hub: Hub, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", value)
    with pytest.raises(InvalidInput, match=f"HF_HUB_ETAG_TIMEOUT={value} must be"):
        search()


ENDPOINTS = [
    "http://user:secret@hub.example:99999", "http://user:secret@hub.example:port", "http://user:se/cret@hub.example",
    "http://hub.example:0", "http://hub.example:-1", "http://", "https://hub.example?secret", "http://hub.example/#x",
    "http://hub\x1b.example", "//hub.example", "file:///etc", "",
]  # fmt: skip


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_address_that_is_none_is_named_without_its_password(
    hub: Hub, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(endpoint, monkeypatch)
    with pytest.raises(InvalidInput, match=r"HF_ENDPOINT=.* is not the address of a hub; write https://HOST") as caught:
        search()
    assert "secret" not in caught.value.message.replace("?secret", "")
    assert "cret@" not in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("arguments", [("search",), ("cache", "ls"), ("pull", "hf:me/model@main")])
def test_an_address_the_client_cannot_be_imported_with_is_named(genzoo_cli: CLI, arguments: tuple[str, ...]) -> None:
    bad = "http://user:secret@hub.example:99999"
    result = genzoo_cli(*arguments, HF_ENDPOINT=bad, HF_HUB_OFFLINE="")
    assert result.returncode == 2
    assert "HF_ENDPOINT='http://hub.example:99999' is not the address of a hub" in result.stderr
    assert "secret" not in result.stderr


def test_a_password_is_in_no_message(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_password = hub.endpoint.replace("http://", "http://user:secret@")
    monkeypatch.setenv("HF_TOKEN", "")
    for endpoint in (with_password, "http://user:secret@127.0.0.1:9", "http://user:secret@nobody.invalid"):
        point_at(endpoint, monkeypatch)
        for status in (401, 403, 404, 429, 500, 418, 302):
            hub.meddle = answer(status, {"Location": f"{with_password}/x", "X-Error-Message": f"at {with_password}"})
            for arguments in (["search"], ["pull", "hf:me/model"], ["pull", f"hf:me/model@{'0' * 40}"]):
                assert run(arguments) in (3, 4)
            if endpoint is not with_password:
                break
    assert "secret" not in "".join(capsys.readouterr())
    assert f"Basic {'dXNlcjpzZWNyZXQ='}" in hub.tokens  # it is used


def test_a_token_that_may_not_be_sent_unasked_is_not(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_loopback")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    search()
    assert hub.tokens == [""]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://a:b@c/d", "http://c/d"),
        ("https://a:b@c@d", "https://d"),
        ("no\x1b[31m colour\n", "no?[31m colour"),
        ("x" * 500, "x" * 200),
    ],
)
def test_text_of_others_is_plain_in_messages(text: str, shown: str) -> None:
    assert settings.plain(text) == shown
