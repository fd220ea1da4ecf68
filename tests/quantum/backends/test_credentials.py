"""Where the token comes from, and that it is not shown."""

from __future__ import annotations

import base64
import copy
import logging
import pickle
import threading
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfin.errors import ConfigError
from qfin.quantum.backends._runtime.credentials import (
    Credentials,
    Redacting,
    credentials,
    redact,
    using_credentials,
)

TOKEN = "planted/0API+1key2that3must4never5show"
INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123abcd:4567-ef::"
HELD = {"token": TOKEN, "instance": INSTANCE}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that knows no account."""
    for name in ("TOKEN", "INSTANCE", "CHANNEL", "URL"):
        monkeypatch.delenv(f"QISKIT_IBM_{name}", raising=False)


def test_the_environment_says_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", f" {TOKEN}\n")
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", INSTANCE)
    assert credentials() == Credentials(TOKEN, INSTANCE, "ibm_quantum_platform", None)
    monkeypatch.setenv("QISKIT_IBM_CHANNEL", "ibm_cloud")
    monkeypatch.setenv("QISKIT_IBM_URL", "https://test.cloud.ibm.com/")
    assert credentials() == Credentials(TOKEN, INSTANCE, "ibm_cloud", "https://test.cloud.ibm.com")


def test_what_is_handed_in_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "another")
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", INSTANCE)
    with using_credentials({"token": TOKEN}):
        assert credentials().token == TOKEN
        assert credentials().instance == INSTANCE
        with using_credentials(lambda: {"token": "inner"}):
            assert credentials().token == "inner"
        assert credentials().token == TOKEN
    assert credentials().token == "another"


def test_threads_see_what_is_handed_in_and_each_its_own() -> None:
    seen: dict[str, str] = {}
    both = threading.Barrier(2)

    def inherited() -> None:
        seen["inherited"] = credentials().token

    def own(name: str) -> None:
        with using_credentials({**HELD, "token": name}):
            both.wait(10)
            seen[name] = credentials().token
            both.wait(10)

    with using_credentials(HELD):
        for threads in (
            [threading.Thread(target=inherited)],
            [threading.Thread(target=own, args=(n,)) for n in "ab"],
        ):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert seen == {"inherited": TOKEN, "a": "a", "b": "b"}
    with pytest.raises(ConfigError, match="QISKIT_IBM_TOKEN"):
        credentials()


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({}, "wants token: set QISKIT_IBM_TOKEN to an API key from quantum.cloud.ibm.com"),
        ({"token": TOKEN}, "wants instance: set QISKIT_IBM_INSTANCE to the CRN of an instance"),
        ({**HELD, "token": "  "}, "handed in have an empty token"),
        ({**HELD, "instance": "my-instance"}, "QISKIT_IBM_INSTANCE is no CRN: .* 10 parts .*got 1"),
        ({**HELD, "instance": INSTANCE + ":"}, "QISKIT_IBM_INSTANCE is no CRN: .*got 11"),
        ({**HELD, "instance": INSTANCE.replace("v1", "v2")}, "wanted 'crn:v1:...'"),
        ({**HELD, "channel": "local"}, "QISKIT_IBM_CHANNEL is none of ibm_quantum_platform, ibm_cloud"),
        ({**HELD, "url": "ftp://somewhere"}, "QISKIT_IBM_URL is no http address"),
        ({**HELD, "url": "https://user:word@somewhere"}, "QISKIT_IBM_URL is no http address"),
        ({**HELD, "tokn": TOKEN}, "credentials hold 'tokn'; known are 'token', 'instance', 'channel', 'url'"),
    ],
)
def test_what_is_wrong_is_named_and_the_token_is_not(held: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught, using_credentials(held):
        credentials()
    assert TOKEN not in str(caught.value)


def test_credentials_show_no_secret_and_are_not_pickled() -> None:
    held = Credentials(TOKEN, INSTANCE)
    for text in (repr(held), str(held), f"{held}", f"{[held]!r}"):
        assert TOKEN not in text
        assert INSTANCE not in text
    for make in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="credentials are not pickled"):
            make(held)


SECRETS = st.text("abcXYZ0189-_+/=.~", min_size=12, max_size=50)


@given(token=SECRETS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_form_of_the_token_is_left(token: str, before: str, after: str) -> None:
    held = Credentials(token, INSTANCE)
    basic = f"apikey:{token}".encode()
    forms = [
        token,
        quote(token, safe=""),
        base64.b64encode(token.encode()).decode(),
        base64.urlsafe_b64encode(basic).decode(),
    ]
    for form in forms:
        assert form.rstrip("=") not in redact(before + form + after, held).replace(
            "[hidden]", ""
        ) or not form.strip("=")


def test_bearer_tokens_go_and_the_rest_stays() -> None:
    held = Credentials(TOKEN, INSTANCE)
    jwt = "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjE3MDB9.c2lnbmF0dXJl"
    text = f"Authorization: Bearer abcdef.123456; token {jwt}; key {TOKEN}, of the bearer of a job"
    assert (
        redact(text, held) == "Authorization: [hidden]; token [hidden]; key [hidden], of the bearer of a job"
    )


def test_a_log_is_redacted_and_the_rest_of_it_kept(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.redacting")
    redacting = Redacting(Credentials(TOKEN, INSTANCE))
    logger.addFilter(redacting)
    logger.warning("sent %s and %d more", TOKEN, 3)
    logger.warning("nothing of %s", "note")
    assert caplog.messages == ["sent [hidden] and 3 more", "nothing of note"]
