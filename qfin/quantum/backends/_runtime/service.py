"""The connection to IBM Quantum, and what its errors mean for a user."""

from __future__ import annotations

import email.utils
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

from qfin.errors import BackendError, ConfigError, QfinError
from qfin.quantum.backends._runtime.credentials import VARIABLES, Credentials, Redacting, redact

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LOGGERS = ("qiskit_ibm_runtime", "urllib3", "requests", "ibm-cloud-sdk-core")
_LONGEST_REASON = 300
_services: dict[tuple[int, Credentials], Any] = {}
_lock = threading.Lock()

Value = TypeVar("Value")


def connect(device: str, credentials: Credentials) -> Any:
    """The client's `IBMBackend` of a device, with its calibration loaded.

    One service is kept for each process and credential: a forked child must not write into its parent's connections.

    Raises
    ------
    ConfigError
        if the package is missing, the token or the instance is refused, or the instance has no such device.
    BackendError
        if the service does not answer, with `retry`.
    """
    service = _service(credentials)
    listed = ask(lambda: _client(service).list_backends(True), "listing the devices", credentials)
    names = sorted(entry["name"] for entry in listed)
    if device not in names:
        there = f"it has {', '.join(names)}" if names else "it has none"
        raise ConfigError(f"there is no device {device!r} in this instance of IBM Quantum; {there}")
    return ask(lambda: _loaded(service, device), f"reading the calibration of {device}", credentials)


def credentials_of(service: Any) -> Credentials:
    """What a service was connected with."""
    account = service.active_account()
    return Credentials(account["token"], account["instance"], account["channel"], account["url"])


def ask(action: Callable[[], Value], doing: str, credentials: Credentials) -> Value:
    """Do something with the client, its errors put into a user's terms.

    The error is raised with no other behind it: the client's own hold the request, and with it the token.

    Raises
    ------
    ConfigError, BackendError
        as `failure` says.
    """
    value, error = attempt(action)
    if error is not None:
        raise failure(error, doing, credentials)
    return value  # type: ignore[return-value]


def attempt(action: Callable[[], Value]) -> tuple[Value | None, Exception | None]:
    """What an action returns, or what it raises."""
    try:
        return action(), None
    except Exception as error:
        return None, error


def failure(error: Exception, doing: str, credentials: Credentials) -> Exception:
    """A client's error in a user's terms; one that is neither the service's nor the network's is returned as it is.

    Parameters
    ----------
    doing : what was tried, as in 'submitting the job'
    """
    if isinstance(error, QfinError) or not _is_remote(error):
        return error
    status = http_status(error)
    reason = one_line(str(error), credentials)
    if status == 401 or _iam_refuses(error):
        return ConfigError(
            f"IBM Quantum refuses the token ({doing}); set {VARIABLES['token']} to an API key that is valid: {reason}"
        )
    if status == 403 or _no_access(error):
        return ConfigError(
            f"IBM Quantum refuses the instance ({doing}); set {VARIABLES['instance']} to one that the API key "
            f"has access to: {reason}"
        )
    if is_refusal(status) or (status is None and type(error).__name__ == "IBMInputValueError"):
        return BackendError(f"IBM Quantum refuses {doing}: {reason}")
    return BackendError(
        f"IBM Quantum does not answer as it should ({doing}); try again: {reason}", retry=True
    )


def is_refusal(status: int | None) -> bool:
    """Whether an answer says for certain that nothing was done, and that asking again cannot help."""
    return status is not None and 400 <= status < 500 and status not in (408, 425, 429)


def http_status(error: BaseException) -> int | None:
    """Status of the answer that an error comes from, None if there was no answer."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if response is not None:
            return int(response.status_code)
        if type(cause).__name__ == "IBMNotAuthorizedError":
            return 401
        code = getattr(cause, "status_code", None)
        if isinstance(code, int) and code > 0:
            return code
    return None


def retry_after(error: BaseException) -> float:
    """Seconds that the service asks to wait, 0 if it does not say."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if response is not None:
            return _seconds(response.headers.get("Retry-After", ""))
    return 0.0


def one_line(text: str, credentials: Credentials) -> str:
    """A service's own words, without secrets, on one line, not too long."""
    line = " ".join(redact(text, credentials).split()).strip("'\"")
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 3] + "..."


def send_once(service: Any) -> None:
    """Let the client send each POST once.

    It repeats a POST that is answered with a 5xx; but a gateway can answer so after the job was made, and the second
    POST is a second paid job. What it does about other requests, and about connections that never opened, stays.

    Raises
    ------
    ConfigError
        if this version of the client keeps its connections where they are not found.
    """
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    session = getattr(_client(service), "_session", None)
    adapters = dict(getattr(session, "adapters", {}))
    if not adapters:
        raise ConfigError(
            "this version of qiskit-ibm-runtime could submit a job twice; pip install 'qiskit-ibm-runtime==0.51.0'"
        )
    for prefix, adapter in adapters.items():
        theirs = adapter.max_retries
        if type(theirs) is Retry:
            continue
        session.mount(  # type: ignore[union-attr]
            prefix,
            HTTPAdapter(
                max_retries=Retry(
                    total=theirs.total,
                    connect=theirs.connect,
                    read=theirs.read,
                    backoff_factor=theirs.backoff_factor,
                    status_forcelist=theirs.status_forcelist,
                )
            ),
        )


class _Bearer:
    """The client's own authentication, without its way out: where no bearer token is to be had, it sends the API key
    itself to the service, and what was an identity service that is down looks like a key that is wrong.
    """

    def __init__(self, theirs: Any) -> None:
        self._theirs = theirs
        self._asking = threading.Lock()

    def __call__(self, request: Any) -> Any:
        with self._asking:
            # Left as it is, a request that failed would hold up the next one for a minute.
            self._theirs.tm.request_time = 0
            token = self._theirs.tm.get_token()
        request.headers.update({"Service-CRN": self._theirs.crn, "Authorization": f"Bearer {token}"})
        return request


def _service(credentials: Credentials) -> Any:
    key = (os.getpid(), credentials)
    with _lock:
        if key not in _services:
            service = ask(lambda: _open(credentials), "connecting", credentials)
            send_once(service)
            session = _client(service)._session
            session.auth = _Bearer(session.auth)
            _services[key] = service
        return _services[key]


def _open(credentials: Credentials) -> Any:
    try:
        from qiskit_ibm_runtime import QiskitRuntimeService
    except ImportError:
        raise ConfigError("backend 'ibm' needs: pip install 'qfin-scenarios[ibm]'") from None
    _redact_logs(credentials)
    where: dict[str, Any] = {}
    if credentials.url and urlsplit(credentials.url).hostname in _LOOPBACK:
        # The client puts the region before the host's name, which an address of this machine has none of.
        where["url_resolver"] = lambda *_: f"{credentials.url}/api/v1"
    return QiskitRuntimeService(
        channel=credentials.channel,
        token=credentials.token,
        instance=credentials.instance,
        url=credentials.url,
        **where,
    )


def _redact_logs(credentials: Credentials) -> None:
    """Redact what the client's modules log; a filter of a logger does not hold for those below it, so each has one."""
    redacting = Redacting(credentials)
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and name.split(".")[0] in _LOGGERS:
            logger.addFilter(redacting)


def _loaded(service: Any, device: str) -> Any:
    backend = service.backend(device)
    _ = backend.target
    return backend


def _client(service: Any) -> Any:
    return service._active_api_client


def _is_remote(error: Exception) -> bool:
    from qiskit.providers.exceptions import QiskitBackendNotFoundError
    from qiskit_ibm_runtime.exceptions import IBMError
    from requests import RequestException

    known = (IBMError, QiskitBackendNotFoundError, RequestException, OSError)
    return isinstance(error, known) or _is_identity_error(error)


def _iam_refuses(error: Exception) -> bool:
    """The identity service answers 400 to an API key that it does not know."""
    return any(map(_is_identity_error, _causes(error))) and http_status(error) == 400


def _is_identity_error(error: BaseException) -> bool:
    return type(error).__name__ == "ApiException"


def _no_access(error: Exception) -> bool:
    return type(error).__name__ == "IBMInputValueError" and "instance" in str(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _seconds(header: str) -> float:
    if header.isdigit():
        return float(header)
    parsed, _ = attempt(lambda: email.utils.parsedate_to_datetime(header).timestamp())
    return 0.0 if parsed is None else max(0.0, parsed - time.time())
