"""Who may come in, from where and how often: the choices, as they are given in the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from index.errors import SaidsoError

Network = IPv4Network | IPv6Network

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")
_HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f:.]+")
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_RATE = re.compile(rf"([1-9]\d{{0,8}})\s*/\s*({'|'.join(_SECONDS)})")


class Permission(IntEnum):
    """What somebody may do; each includes those before it."""

    NONE = 0
    ASK = 1
    INGEST = 2
    ADMIN = 3

    @classmethod
    def named(cls, scope: str, where: str) -> Permission:
        """Return the permission that a scope (ask, ingest or admin) gives. Raises SaidsoError naming `where` it is."""
        if scope not in SCOPES:
            raise SaidsoError(f"{where} is {scope!r}; a scope is one of {', '.join(SCOPES)}.")
        return cls[scope.upper()]

    @property
    def scope(self) -> str:
        """The permission's name outside the program."""
        return self.name.lower()


SCOPES = tuple(permission.scope for permission in Permission if permission)


@dataclass(frozen=True)
class Rate:
    """So many times within so many seconds."""

    count: int
    seconds: int


@dataclass(frozen=True)
class Proxy:
    """A proxy that has asked people who they are: the header it says so in, and where it must come from to count."""

    header: str
    addresses: tuple[Network, ...]
    permission: Permission = Permission.ASK
    admins: frozenset[str] = frozenset()

    def is_at(self, address: str) -> bool:
        """Whether `address`, of a socket's other end, is a proxy's."""
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        if isinstance(peer, IPv6Address) and peer.ipv4_mapped:  # what a socket for both kinds calls an IPv4 address
            peer = peer.ipv4_mapped
        return any(peer in network for network in self.addresses)


@dataclass(frozen=True)
class Access:
    """Who may come in. On this machine alone nobody has to say who they are, unless a token is required."""

    require_token: bool = False
    insecure: bool = False  # everybody who reaches the address; only where it is chosen by name
    proxy: Proxy | None = None
    origins: frozenset[str] = frozenset()  # of other sites whose pages may call this one and show it in a frame
    hosts: frozenset[str] = frozenset()  # names by which the app is asked for, besides the one it listens on
    rate: Rate | None = None  # of questions, for each token, user or address
    rate_is_set: bool = False  # else it is off on this machine, and the default beyond it
    certificate: Path | None = None
    key: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Access:
        """Read the settings. Raises SaidsoError on a bad value."""
        rate = environment.get("SAIDSO_RATE_LIMIT")
        return cls(
            require_token=_switch(environment, "SAIDSO_REQUIRE_TOKEN"),
            proxy=_proxy(environment),
            origins=_set_of(environment, "SAIDSO_ALLOWED_ORIGINS", _ORIGIN, "https://portal.example"),
            hosts=_set_of(environment, "SAIDSO_ALLOWED_HOSTS", _HOST, "news.example"),
            rate=_rate(rate) if rate else None,
            rate_is_set=bool(rate),
            certificate=_path(environment, "SAIDSO_CERTIFICATE"),
            key=_path(environment, "SAIDSO_CERTIFICATE_KEY"),
        )

    def is_beyond(self, host: str) -> bool:
        """Whether anything but this machine is served when the app listens on `host`."""
        return not all(map(is_loopback, {host, *self.hosts}))

    def is_open(self, host: str) -> bool:
        """Whether nobody has to say who they are when the app listens on `host`."""
        return self.insecure or not (self.is_beyond(host) or self.require_token or self.proxy)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    return host.strip("[]").lower() in LOOPBACK


def _switch(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name, "").strip().lower()
    if text not in ("", "0", "1", "no", "yes", "false", "true", "off", "on"):
        raise SaidsoError(f"{name}={environment[name]!r} is neither yes nor no; set it to 1 or unset it.")
    return text in ("1", "yes", "true", "on")


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    text = environment.get(name)
    return Path(text).expanduser().absolute() if text else None


def _words(environment: Mapping[str, str], name: str) -> list[str]:
    return [word.strip() for word in environment.get(name, "").split(",") if word.strip()]


def _set_of(environment: Mapping[str, str], name: str, form: re.Pattern[str], example: str) -> frozenset[str]:
    words = [word.lower().strip("[]") if form is _HOST else word.lower() for word in _words(environment, name)]
    for word in words:
        if not form.fullmatch(word):
            raise SaidsoError(f"{name} holds {word!r}; write each exactly, such as {example}, with commas between.")
    return frozenset(words)


def _rate(text: str) -> Rate | None:
    if text.strip().lower() == "off":
        return None
    form = _RATE.fullmatch(text.strip().lower())
    if form is None:
        raise SaidsoError(
            f"SAIDSO_RATE_LIMIT={text!r} is not a rate; write how many questions in which time, such as 60/minute "
            f"({', '.join(_SECONDS)}), or off."
        )
    return Rate(int(form[1]), _SECONDS[form[2]])


def _proxy(environment: Mapping[str, str]) -> Proxy | None:
    header = environment.get("SAIDSO_PROXY_USER_HEADER", "").strip()
    addresses = _words(environment, "SAIDSO_PROXY_ADDRESSES")
    if not header and not addresses:
        return None
    if not (header and addresses):
        raise SaidsoError(
            "A trusted proxy needs both SAIDSO_PROXY_USER_HEADER (the header with the user's name) and "
            "SAIDSO_PROXY_ADDRESSES (where the proxy connects from); set both, or neither."
        )
    if not _HEADER.fullmatch(header):
        raise SaidsoError(f"SAIDSO_PROXY_USER_HEADER={header!r} is not a header's name, such as X-Forwarded-User.")
    scope = environment.get("SAIDSO_PROXY_SCOPE") or Permission.ASK.scope
    return Proxy(
        header,
        tuple(map(_network, addresses)),
        Permission.named(scope, "SAIDSO_PROXY_SCOPE"),
        frozenset(_words(environment, "SAIDSO_PROXY_ADMINS")),
    )


def _network(text: str) -> Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise SaidsoError(
            f"SAIDSO_PROXY_ADDRESSES holds {text!r}, which is no address; write addresses or networks, such as "
            "10.0.0.5,10.1.0.0/16."
        ) from None
    if not network.prefixlen:
        raise SaidsoError(f"SAIDSO_PROXY_ADDRESSES holds {text!r}, which is everybody; name the proxy's own address.")
    return network
