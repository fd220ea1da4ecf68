"""IBM Quantum's REST service on this machine: runs the jobs that it is sent, counts them, and fails as it is told.

What it answers is what `qiskit_ibm_runtime` 0.51 asks for. A device is one of the client's fake ones, under a name of
its own; a job's results are computed from the program as it came over the wire.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

TOKEN = "planted-0API1key2that3must4never5show"
INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123abcd:4567-ef::"
RAN_TOO_LONG = 1305


@dataclass
class Fault:
    """What goes wrong, at the `nth` request (from now on, the first is 1) to an endpoint, `times` in a row.

    Attributes
    ----------
    endpoint : as `Stub.seen` counts them, 'POST /jobs' or 'GET /jobs/{id}/results'
    status : answered instead of what was asked; 0: the connection is dropped
    done : whether what was asked is done nevertheless, before it goes wrong
    kill : process that gets a SIGKILL instead of an answer
    """

    endpoint: str
    status: int = 0
    nth: int = 1
    times: int = 1
    done: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    body: str = '{"errors": [{"message": "planned by the test"}]}'
    kill: Callable[[], int] | None = None
    wait: float = 0.0


class Stub:
    """The service, listening on 127.0.0.1 while the context lasts.

    Attributes
    ----------
    jobs : made so far, by id, with what was sent
    seen : requests by endpoint
    headers : of every request
    endings : how the next jobs end, 'Completed' where none is left; or 'Failed', 'Cancelled', 'Ran too long', 'Running'
    polls : times that a job is said to be running before it ends
    """

    def __init__(self, device: str = "ibm_stub", fake: str = "FakeManilaV2") -> None:
        self.device = device
        self._fake = fake
        self.jobs: dict[str, dict[str, Any]] = {}
        self.seen: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.endings: list[str] = []
        self.polls = 0
        self.reason = "the cryostat is warm"
        self._faults: list[tuple[Fault, int]] = []
        self._lock = threading.RLock()

    def __enter__(self) -> Stub:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def environment(self) -> dict[str, str]:
        """Variables that send the client here."""
        return {
            "QISKIT_IBM_TOKEN": TOKEN,
            "QISKIT_IBM_INSTANCE": INSTANCE,
            "QISKIT_IBM_URL": self.url,
            "IAM_URL": self.url,
            # The instances of an account are listed by a host of their own, which is not played here.
            "QISKIT_FUNCTIONS_EXPERIMENTAL": "1",
            # Else the client looks through its whole call stack at every request, a quarter of a second each.
            "USAGE_DATA_OPT_OUT": "True",
            "NO_PROXY": "127.0.0.1",
        }

    def fail(self, endpoint: str, status: int = 0, **how: Any) -> None:
        """Plan a `Fault`."""
        with self._lock:
            self._faults.append((Fault(endpoint, status, **how), self.seen[endpoint]))

    def fault(self, endpoint: str) -> Fault | None:
        """The fault planned for a request that has been counted."""
        with self._lock:
            for fault, before in self._faults:
                nth = self.seen[endpoint] - before
                if fault.endpoint == endpoint and fault.nth <= nth < fault.nth + fault.times:
                    return fault
        return None

    def answer(self, endpoint: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        """Status and body of the answer to a request, as if nothing went wrong."""
        part = path.split("/")
        with self._lock:
            match endpoint:
                case "POST /identity/token":
                    good = TOKEN in parse_qs(body.decode()).get("apikey", [])
                    return (
                        (200, _iam_token()) if good else (400, {"errorMessage": "API key could not be found"})
                    )
                case "GET /backends":
                    return 200, {"devices": [self._listed()]}
                case "GET /backends/{id}/configuration":
                    return 200, self._file("conf_filename")
                case "GET /backends/{id}/properties":
                    return 200, self._file("props_filename")
                case "GET /backends/{id}/status":
                    return 200, {
                        "state": True,
                        "status": "active",
                        "length_queue": 0,
                        "backend_version": "1.0.0",
                    }
                case "GET /instances/usage":
                    return 200, {"usage_limit_reached": False}
                case "POST /jobs":
                    return 200, self._made(json.loads(body))
                case "GET /jobs":
                    return 200, self._page(query)
                case "POST /sessions":
                    return 200, {"id": "session-1"}
                case "GET /sessions/{id}":
                    return 200, {"id": part[2], "state": "open", "accepting_jobs": True}
                case "PATCH /sessions/{id}" | "DELETE /sessions/{id}/close":
                    return 204, ""
            if len(part) < 3 or part[2] not in self.jobs:
                return 404, {"errors": [{"message": f"{path} is not found"}]}
            job = self.jobs[part[2]]
            match endpoint:
                case "GET /jobs/{id}":
                    return 200, self._polled(job)
                case "GET /jobs/{id}/results":
                    return 200, self._result(job)
                case "GET /jobs/{id}/metrics":
                    return 200, {"timestamps": {}, "usage": {"quantum_seconds": 1, "status": "complete"}}
                case "POST /jobs/{id}/cancel":
                    job["ending"] = "Cancelled"
                    return 204, ""
        return 404, {"errors": [{"message": f"{endpoint} is not played"}]}

    def _made(self, sent: dict[str, Any]) -> dict[str, Any]:
        job_id = f"job{len(self.jobs) + 1:017d}"
        self.jobs[job_id] = {
            "id": job_id,
            "backend": sent["backend"],
            "tags": sent.get("tags", []),
            "program": {"id": sent["program_id"]},
            "created": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "sent": sent,
            "ending": self.endings.pop(0) if self.endings else "Completed",
            "polls": self.polls,
        }
        return {"id": job_id, "backend": sent["backend"]}

    def _page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        tags = set(query.get("tags", []))
        found = [job for job in reversed(self.jobs.values()) if tags <= set(job["tags"])]
        start = int(query.get("offset", ["0"])[0])
        stop = start + int(query.get("limit", ["10"])[0])
        return {"jobs": [_public(job) for job in found[start:stop]], "count": len(found)}

    def _polled(self, job: dict[str, Any]) -> dict[str, Any]:
        ending = job["ending"]
        state: dict[str, Any] = {"status": ending}
        if job["polls"] > 0:
            job["polls"] -= 1
            state = {"status": "Running"}
        elif ending == "Failed":
            state["reason"] = self.reason
        elif ending == "Ran too long":
            state = {"status": "Cancelled", "reason": self.reason, "reason_code": RAN_TOO_LONG}
        return {**_public(job), "state": state}

    def _result(self, job: dict[str, Any]) -> str:
        if job["ending"] != "Completed":
            return self.reason
        return _executed(json.dumps(job["sent"]["params"]), self._fake)

    def _file(self, name: str) -> dict[str, Any]:
        fake = fake_device(self._fake)
        held = json.loads((Path(fake.dirname) / getattr(fake, name)).read_text())
        return {**held, "backend_name": self.device}

    def _listed(self) -> dict[str, Any]:
        qubits = self._file("conf_filename")["n_qubits"]
        return {"name": self.device, "status": {"name": "online"}, "qubits": qubits, "queue_length": 0}


ANGLES = (0.4, 2.0)
SHOTS = 400


def turned(device: Any) -> Any:
    """Two measured qubits, the first of them rotated about Y; as the device runs it."""
    from qiskit import QuantumCircuit, transpile
    from qiskit.circuit import Parameter

    circuit = QuantumCircuit(2, name="turned")
    circuit.ry(Parameter("angle", uuid=UUID(int=1)), 0)  # sent alike each time, so that it is run once
    circuit.measure_all()
    return transpile(circuit, device, optimization_level=0, initial_layout=[0, 1])


def submission(device: Any, circuit: Any, tag: str = "rows-1") -> Callable[[], Any]:
    """Sends the circuit at `ANGLES`, `SHOTS` of each, in one job."""
    from qiskit_ibm_runtime.executor_sampler import Sampler

    def send() -> Any:
        sampler = Sampler(mode=device)
        sampler.options.environment.job_tags = [tag]
        return sampler.run([(circuit, [[angle] for angle in ANGLES])], shots=SHOTS)

    return send


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None: ...

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            address = urlsplit(self.path)
            path = address.path.removeprefix("/api/v1")
            pattern = re.sub(r"^/(jobs|backends|sessions)/[^/]+", r"/\1/{id}", path)
            endpoint = f"{self.command} {pattern}"
            with stub._lock:
                stub.seen[endpoint] += 1
                stub.headers.append(dict(self.headers))
                fault = stub.fault(endpoint)
            status, answer = self._refusal(path) or (200, "")
            if status == 200 and (fault is None or fault.done):
                status, answer = stub.answer(endpoint, path, parse_qs(address.query), body)
            if fault is None:
                self._say(status, answer)
                return
            time.sleep(fault.wait)
            if fault.kill is not None:
                os.kill(fault.kill(), signal.SIGKILL)
            if fault.kill is not None or not fault.status:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self._say(fault.status, fault.body, fault.headers)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def _refusal(self, path: str) -> tuple[int, Any] | None:
            if path == "/identity/token":
                return None
            if self.headers.get("Authorization") != f"Bearer {_jwt()}":
                return 401, {"errors": [{"message": "who is asking?"}]}
            if self.headers.get("Service-CRN") != INSTANCE:
                return 403, {"errors": [{"message": "no access to this instance"}]}
            return None

        def _say(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
            text = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    return Handler


def _public(job: dict[str, Any]) -> dict[str, Any]:
    return {name: job[name] for name in ("id", "backend", "tags", "program", "created")}


def _jwt() -> str:
    held = ({"alg": "RS256", "typ": "JWT"}, {"iat": 1_700_000_000, "exp": 4_000_000_000})
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in held]
    return ".".join([*parts, "c2lnbmF0dXJl"])


def _iam_token() -> dict[str, Any]:
    return {"access_token": _jwt(), "expiration": 4_000_000_000, "expires_in": 3600, "token_type": "Bearer"}


@cache
def fake_device(name: str) -> Any:
    """The device whose calibration is shown, and that the results come from."""
    from qiskit_ibm_runtime import fake_provider

    return getattr(fake_provider, name)()


@cache
def _executed(sent: str, fake: str) -> str:
    """Run a program of the executor, as it was sent, on a fake device; the results as the service sends them."""
    from ibm_quantum_schemas.common import CompressedTensorModel
    from ibm_quantum_schemas.executor.version_2_0 import (
        ItemMetadataModel,
        MetadataModel,
        QuantumProgramResultItemModel,
        QuantumProgramResultModel,
    )
    from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import run_quantum_program
    from qiskit_ibm_runtime.options_models.simulator import SimulatorOptions
    from qiskit_ibm_runtime.quantum_program.converters.converters_2_0 import passthrough_data_to_2_0
    from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS

    params = json.loads(sent)
    converter = QUANTUM_PROGRAM_PARAMS_CONVERTERS[params["schema_version"]]
    program, _ = converter.decoder(converter.model.model_validate(params))
    for item in program.items:
        if hasattr(item, "samplex"):
            item.samplex.finalize()
    ran = run_quantum_program(fake_device(fake), program, SimulatorOptions(seed_simulator=7))
    items = [
        QuantumProgramResultItemModel(
            results={name: CompressedTensorModel.from_numpy(value) for name, value in dict(item).items()},
            metadata=ItemMetadataModel(),
        )
        for item in ran
    ]
    model = QuantumProgramResultModel(
        data=items,
        metadata=MetadataModel(chunk_timing=[]),
        semantic_role=program._semantic_role,
        passthrough_data=passthrough_data_to_2_0(program.passthrough_data),
    )
    return model.model_dump_json()
