"""What the environment says of access: read, or refused with a sentence."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from assistant.access_settings import Access, Permission, Proxy, Rate
from assistant.settings import Settings
from index.errors import SaidsoError

PROXY = {"SAIDSO_PROXY_USER_HEADER": "X-Forwarded-User", "SAIDSO_PROXY_ADDRESSES": "10.0.0.5, 10.1.0.0/16,fd00::/8"}


def test_nothing_set_is_this_machine_open_to_its_user() -> None:
    access = Settings.from_environment(Path("x"), {}).access
    assert access == Access()
    assert access.is_open("127.0.0.1") and access.is_open("::1") and not access.is_open("0.0.0.0")


def test_everything_is_read() -> None:
    given = {
        **PROXY,
        "SAIDSO_PROXY_SCOPE": "ingest",
        "SAIDSO_PROXY_ADMINS": "ann, bob",
        "SAIDSO_REQUIRE_TOKEN": "1",
        "SAIDSO_ALLOWED_ORIGINS": "https://Portal.example,http://[::1]:3000",
        "SAIDSO_ALLOWED_HOSTS": "News.example, [fd00::7]",
        "SAIDSO_RATE_LIMIT": "90 / hour",
        "SAIDSO_CERTIFICATE": "/c.pem",
        "SAIDSO_CERTIFICATE_KEY": "/k.pem",
    }
    networks = (ip_network("10.0.0.5"), ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    assert Access.from_environment(given) == Access(
        require_token=True,
        proxy=Proxy("X-Forwarded-User", networks, Permission.INGEST, frozenset({"ann", "bob"})),
        origins=frozenset({"https://portal.example", "http://[::1]:3000"}),
        hosts=frozenset({"news.example", "fd00::7"}),
        rate=Rate(90, 3600),
        rate_is_set=True,
        certificate=Path("/c.pem"),
        key=Path("/k.pem"),
    )
    assert Access.from_environment({"SAIDSO_RATE_LIMIT": "off"}) == Access(rate=None, rate_is_set=True)


@pytest.mark.parametrize(
    "given",
    [
        {"SAIDSO_REQUIRE_TOKEN": "perhaps"},
        {"SAIDSO_ALLOWED_ORIGINS": "*"},
        {"SAIDSO_ALLOWED_ORIGINS": "null"},
        {"SAIDSO_ALLOWED_ORIGINS": "https://a.example/"},
        {"SAIDSO_ALLOWED_ORIGINS": "a.example"},
        {"SAIDSO_ALLOWED_ORIGINS": "https://a.example; script-src *"},
        {"SAIDSO_ALLOWED_HOSTS": "*"},
        {"SAIDSO_ALLOWED_HOSTS": "https://a.example"},
        {"SAIDSO_RATE_LIMIT": "60"},
        {"SAIDSO_RATE_LIMIT": "0/minute"},
        {"SAIDSO_RATE_LIMIT": "-1/minute"},
        {"SAIDSO_PROXY_USER_HEADER": "X-Forwarded-User"},
        {"SAIDSO_PROXY_ADDRESSES": "10.0.0.5"},
        {**PROXY, "SAIDSO_PROXY_USER_HEADER": "X User"},
        {**PROXY, "SAIDSO_PROXY_ADDRESSES": "proxy.example"},
        {**PROXY, "SAIDSO_PROXY_ADDRESSES": "0.0.0.0/0"},
        {**PROXY, "SAIDSO_PROXY_SCOPE": "root"},
    ],
)
def test_a_bad_value_is_refused_by_name(given: dict[str, str]) -> None:
    with pytest.raises(SaidsoError) as caught:
        Access.from_environment(given)
    assert any(name in str(caught.value) for name in given)


@pytest.mark.parametrize(
    ("access", "host", "is_open"),
    [
        (Access(require_token=True), "127.0.0.1", False),
        (Access(hosts=frozenset({"news.example"})), "127.0.0.1", False),  # a proxy stands in front
        (Access(hosts=frozenset({"localhost"})), "127.0.0.1", True),
        (Access(proxy=Proxy("X", ())), "127.0.0.1", False),
        (Access(insecure=True), "0.0.0.0", True),
        (Access(), "192.168.0.7", False),
    ],
)
def test_who_needs_no_credentials(access: Access, host: str, is_open: bool) -> None:
    assert access.is_open(host) is is_open


@pytest.mark.parametrize(
    ("address", "is_there"),
    [
        ("10.0.0.5", True),
        ("10.1.200.3", True),
        ("::ffff:10.0.0.5", True),
        ("fd00::1", True),
        ("10.0.0.6", False),
        ("::ffff:10.0.0.6", False),
        ("", False),
        ("10.0.0.5, 1.2.3.4", False),
        ("testclient", False),
    ],
)
def test_where_the_proxy_is(address: str, is_there: bool) -> None:
    proxy = Access.from_environment(PROXY).proxy
    assert proxy is not None and proxy.is_at(address) is is_there
