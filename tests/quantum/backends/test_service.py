"""The connection, and what its errors tell a user."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import pytest

from qfin.errors import BackendError, ConfigError
from qfin.quantum.backends._runtime import service as remote
from qfin.quantum.backends._runtime.credentials import Credentials, credentials
from tests.quantum.backends._stub import INSTANCE, TOKEN, Stub

pytestmark = pytest.mark.usefixtures("impatient")


def test_the_device_comes_with_its_calibration(stub: Stub) -> None:
    device = remote.connect("ibm_stub", credentials())
    assert device.name == "ibm_stub"
    assert device.target.num_qubits == 5
    assert device.target["cx"][(0, 1)].error > 0
    assert stub.seen["POST /jobs"] == 0


def test_one_service_for_a_process_and_a_credential(stub: Stub) -> None:
    device = remote.connect("ibm_stub", credentials())
    assert remote.connect("ibm_stub", credentials()).service is device.service
    assert stub.seen["POST /identity/token"] <= 2
    assert remote.credentials_of(device.service) == credentials()


def test_each_request_carries_a_bearer_token_and_never_the_key(stub: Stub) -> None:
    remote.connect("ibm_stub", credentials())
    sent = [headers for headers in stub.headers if "Service-CRN" in headers]
    assert len(sent) >= 3
    assert all(headers["Authorization"].startswith("Bearer ey") for headers in sent)
    assert not any(TOKEN in value for headers in stub.headers for value in headers.values())


def test_a_device_that_is_not_there(stub: Stub) -> None:
    with pytest.raises(ConfigError, match="no device 'ibm_nowhere' in this instance .* it has ibm_stub"):
        remote.connect("ibm_nowhere", credentials())
    stub.fail("GET /backends", 200, times=9, body='{"devices": []}')
    with pytest.raises(ConfigError, match="no device 'ibm_stub' .* it has none"):
        remote.connect("ibm_stub", credentials())


def refused(given: Credentials, message: str, kind: type[Exception] = ConfigError) -> Any:
    """The error of a connection that must not come about."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(kind, match=message) as caught:
            remote.connect("ibm_stub", given)
    assert caught.value.__context__ is None
    assert given.token not in " ".join([str(caught.value), *(str(warning.message) for warning in said)])
    return caught.value


def test_a_wrong_token(stub: Stub) -> None:
    error = refused(
        Credentials("planted-but-unknown-to-all", INSTANCE, url=stub.url),
        "refuses the token .*set QISKIT_IBM_TOKEN",
    )
    assert not error.retry


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_or_an_instance_without_access(stub: Stub, status: int) -> None:
    stub.fail("GET /backends", status, times=9)
    refused(credentials(), "refuses the (token|instance) .listing the devices.")
    assert stub.seen["GET /backends"] == 2


def test_another_instance(stub: Stub) -> None:
    refused(
        Credentials(TOKEN, INSTANCE.replace("4567", "9999"), url=stub.url),
        "refuses the instance .*set QISKIT_IBM_INSTANCE",
    )


def test_an_instance_that_the_account_does_not_list(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qiskit_ibm_runtime.accounts.Account.list_instances", lambda _: [])
    refused(credentials(), "refuses the instance .connecting.*does not have access")


@pytest.mark.parametrize("status", [500, 503, 429, 0], ids=lambda s: str(s or "dropped"))
@pytest.mark.parametrize(
    "endpoint", ["GET /backends", "GET /backends/{id}/configuration", "POST /identity/token"]
)
def test_a_service_that_is_down_is_worth_another_try(stub: Stub, endpoint: str, status: int) -> None:
    stub.fail(endpoint, status, times=99)
    error = refused(credentials(), "IBM Quantum does not answer as it should .*try again", BackendError)
    assert error.retry


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with Stub() as gone:
        for name, value in gone.environment().items():
            monkeypatch.setenv(name, value)
    error = refused(credentials(), "IBM Quantum does not answer as it should", BackendError)
    assert error.retry


def test_a_hiccup_is_not_noticed(stub: Stub) -> None:
    stub.fail("GET /backends", 502)
    stub.fail("GET /backends/{id}/properties", 0)
    assert remote.connect("ibm_stub", credentials()).num_qubits == 5


def test_a_mistake_of_ours_keeps_its_own_face() -> None:
    with pytest.raises(KeyError, match="ours"):
        remote.ask(lambda: {}["ours"], "looking", Credentials(TOKEN, INSTANCE))


def test_words_of_the_service_are_one_short_line() -> None:
    held = Credentials(TOKEN, INSTANCE)
    assert remote.one_line(f"first\n\n  {TOKEN}   last", held) == "first [hidden] last"
    assert len(remote.one_line("long " * 500, held)) == 300


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("", 0, 0),
        ("soon", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 1e9, 4e9),
    ],
)
def test_seconds_to_wait(header: str, low: float, high: float) -> None:
    import requests

    response = requests.Response()
    response.headers["Retry-After"] = header
    wrapped = RuntimeError("outer")
    wrapped.__context__ = requests.HTTPError(response=response)
    assert low <= remote.retry_after(wrapped) <= high


def test_a_client_that_keeps_its_connections_elsewhere_is_refused() -> None:
    class Other:
        _active_api_client = object()

    with pytest.raises(
        ConfigError, match="could submit a job twice; pip install 'qiskit-ibm-runtime==0.51.0'"
    ):
        remote.send_once(Other())


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    program = (
        "import sys; import qfin.quantum.backends._runtime.jobs; "
        "print(sorted({'qiskit', 'qiskit_ibm_runtime', 'requests', 'prefect', 'numba'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
