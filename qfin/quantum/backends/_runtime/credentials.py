"""Who asks: the token and the instance of an IBM Quantum account, never shown."""

from __future__ import annotations

import base64
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from qfin.errors import ConfigError

# The names that qiskit_ibm_runtime reads itself.
VARIABLES = {
    "token": "QISKIT_IBM_TOKEN",
    "instance": "QISKIT_IBM_INSTANCE",
    "channel": "QISKIT_IBM_CHANNEL",
    "url": "QISKIT_IBM_URL",
}
CHANNELS = ("ibm_quantum_platform", "ibm_cloud")
_WHERE = {
    "token": "an API key from quantum.cloud.ibm.com, 'API keys'",
    "instance": "the CRN of an instance from quantum.cloud.ibm.com, 'Instances'",
}
# crn:version:cname:ctype:service:location:scope:service-instance:resource-type:resource
_CRN_PARTS = 10
_HIDDEN = "[hidden]"
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?")

Held = Mapping[str, str]


@dataclass(frozen=True)
class Credentials:
    """An account at IBM Quantum.

    Attributes
    ----------
    token : API key; no text that a credential makes of itself shows it
    instance : CRN of the instance that pays
    channel : 'ibm_quantum_platform' or 'ibm_cloud'
    url : of the service; None: IBM's own
    """

    token: str = field(repr=False)
    instance: str = field(repr=False)
    channel: str = "ibm_quantum_platform"
    url: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("token", self.token), ("instance", self.instance)):
            if not value:
                raise ConfigError(f"IBM Quantum wants {name}: set {VARIABLES[name]} to {_WHERE[name]}")
        parts = self.instance.split(":")
        if parts[:2] != ["crn", "v1"] or len(parts) != _CRN_PARTS or any(c.isspace() for c in self.instance):
            raise ConfigError(
                f"{VARIABLES['instance']} is no CRN: wanted 'crn:v1:...' of {_CRN_PARTS} parts between colons "
                f"(the last two may be empty), got {len(parts)}; copy {_WHERE['instance']}"
            )
        if self.channel not in CHANNELS:
            raise ConfigError(f"{VARIABLES['channel']} is none of {', '.join(CHANNELS)}")
        if self.url is not None and not re.match(r"https?://[^\s@]+$", self.url):
            raise ConfigError(f"{VARIABLES['url']} is no http address without user and password in it")

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("credentials are not pickled: a pickle would show the token")


_here: ContextVar[Callable[[], Held] | None] = ContextVar("qfin_ibm_credentials", default=None)
_everywhere: list[Callable[[], Held]] = []
_lock = threading.Lock()


@contextmanager
def using_credentials(provider: Held | Callable[[], Held]) -> Iterator[None]:
    """While the context lasts, `credentials` takes what `provider` holds, before what the environment says.

    It holds in this thread and in threads started meanwhile; of two contexts open at once, each thread sees its own.

    Parameters
    ----------
    provider : 'token' and, where the environment does not say them, 'instance', 'channel', 'url'; or what returns that
    """
    held = provider if callable(provider) else lambda: provider
    before = _here.set(held)
    with _lock:
        _everywhere.append(held)
    try:
        yield
    finally:
        with _lock:
            _everywhere.remove(held)
        _here.reset(before)


def credentials() -> Credentials:
    """The account to use: of the nearest `using_credentials`, completed by the environment.

    Raises
    ------
    ConfigError
        if a part is missing or malformed, saying which variable and where to get it.
    """
    held = dict(_provided())
    if unknown := sorted(set(held) - set(VARIABLES)):
        raise ConfigError(
            f"credentials hold {', '.join(map(repr, unknown))}; known are {', '.join(map(repr, VARIABLES))}"
        )
    if "token" in held and not held["token"].strip():
        raise ConfigError(f"the credentials handed in have an empty token: store {_WHERE['token']}")
    parts = {name: held.get(name) or os.environ.get(variable, "") for name, variable in VARIABLES.items()}
    parts = {name: value.strip() for name, value in parts.items()}
    return Credentials(
        parts["token"],
        parts["instance"],
        parts["channel"] or "ibm_quantum_platform",
        parts["url"].rstrip("/") or None,
    )


def _provided() -> Held:
    provider = _here.get()
    if provider is None:
        with _lock:
            provider = _everywhere[-1] if _everywhere else None
    return {} if provider is None else provider()


def redact(text: str, credentials: Credentials) -> str:
    """The text without the token, however encoded, and without any bearer token."""
    for form in sorted(_forms(credentials.token), key=len, reverse=True):
        text = text.replace(form, _HIDDEN)
    return _BEARER.sub(_HIDDEN, text)


class Redacting(logging.Filter):
    """Takes one account's secrets out of what is logged: a service may well repeat what it was sent."""

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, redacted."""
        said = record.getMessage()
        shown = redact(said, self._credentials)
        if shown != said:
            record.msg, record.args = shown, ()
        return True


def _forms(token: str) -> set[str]:
    forms = {token, quote(token, safe=""), quote_plus(token)}
    for plain in (token, f"apikey:{token}"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.add(encode(plain.encode()).decode().rstrip("="))
    return {form for form in forms if form}
