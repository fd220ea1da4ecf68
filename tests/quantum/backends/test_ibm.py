"""The ibm backend on fake devices, and what it sends to a service."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import StatePreparation
from qiskit.quantum_info import Statevector

from qfin.errors import ConfigError
from qfin.quantum import BACKENDS, Request
from qfin.quantum.backends import Ibm


def asymmetric(n=3):
    circuit, angles = QuantumCircuit(n), ParameterVector("angle", n)
    for q in range(n):
        circuit.ry(angles[q], q)
    circuit.cx(0, n - 1)
    return circuit


def request_of(shots=1_000, seed=3, theta=((0.3, 1.1, 2.4), (1.0, 0.2, 0.4))):
    return Request(asymmetric(), np.array(theta), shots, seed)


def exact(request):
    return np.array(
        [Statevector(request.circuit.assign_parameters(row)).probabilities() for row in request.theta]
    )


def kl(wanted, seen, shots):
    """Nats, of smoothed frequencies: one half count added to each outcome."""
    smooth = (shots * seen + 0.5) / (shots + 0.5 * len(seen))
    return float(np.sum(wanted * np.log(wanted / smooth)))


def test_m3_lowers_the_distance_to_the_exact_distribution(capsys) -> None:
    request = request_of(shots=20_000)
    distances = {
        mitigation: [
            kl(wanted, seen, request.shots)
            for wanted, seen in zip(
                exact(request),
                Ibm("fake_manila", mitigation=mitigation).run(request).frequencies(),
                strict=True,
            )
        ]
        for mitigation in ("none", "m3")
    }
    with capsys.disabled():
        print(f" KL to exact: none {distances['none']}, m3 {distances['m3']}", end="")
    assert sum(distances["m3"]) < 0.5 * sum(distances["none"])


def test_bit_k_is_the_kth_classical_bit() -> None:
    circuit = QuantumCircuit(3, 2)
    circuit.x(2)
    circuit.measure(2, 0)
    circuit.measure(0, 1)
    for mitigation in ("m3", "none"):
        draws = Ibm("fake_manila", mitigation=mitigation).run(Request(circuit, np.empty((1, 0)), 2_000, 1))
        assert draws.num_bits == 2
        assert draws.frequencies()[0, 0b01] > 0.9


@pytest.mark.parametrize("mitigation", ["m3", "none"])
def test_the_same_request_is_the_same_draws(mitigation: str) -> None:
    first, again, other = (
        Ibm("fake_manila", mitigation=mitigation).run(request_of(200, seed)).packed for seed in (3, 3, 4)
    )
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("shots", [50, 25_001])
@pytest.mark.parametrize("twirling", [False, True])
def test_any_number_of_shots_comes_back(shots: int, twirling: bool) -> None:
    """Twirling gives whole randomisations, a calibration whole shares: more than were asked for."""
    for mitigation in ("m3", "none"):
        draws = Ibm("fake_manila", twirling=twirling, mitigation=mitigation).run(request_of(shots))
        assert (draws.rows, draws.shots) == (2, shots)
        atol = 0.12 + 2.5 / np.sqrt(shots)
        np.testing.assert_allclose(draws.frequencies(), exact(request_of(shots)), atol=atol)


def test_rows_of_a_circuit_without_parameters_are_drawn_apart() -> None:
    circuit = QuantumCircuit(2)
    circuit.ry(0.9, 1)
    for mitigation in ("m3", "none"):
        draws = Ibm("fake_manila", mitigation=mitigation).run(Request(circuit, np.empty((3, 0)), 4_000))
        wanted = np.tile(Statevector(circuit).probabilities(), (3, 1))
        np.testing.assert_allclose(draws.frequencies(), wanted, atol=0.06)
        assert (draws.packed[0] != draws.packed[1]).any()


def test_parameters_that_transpiling_removes_leave_their_rows() -> None:
    circuit = QuantumCircuit(1)
    circuit.ry(0.9, 0)
    circuit.rz(Parameter("phase"), 0)
    draws = Ibm("fake_manila").run(Request(circuit, np.array([[0.1], [0.2]]), 500))
    assert draws.rows == 2


def test_dynamical_decoupling_fills_the_idle_time_with_its_sequence(monkeypatch) -> None:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    for _ in range(6):
        circuit.cx(0, 1)
        circuit.ry(0.3, 1)
    circuit.cx(1, 2)
    counts = [
        programs(monkeypatch, Ibm("fake_manila", dynamical_decoupling=sequence), circuit)
        .items[0]
        .circuit.count_ops()
        for sequence in (None, "XX", "XpXm", "XY4")
    ]
    pulses = [count.get("x", 0) - counts[0].get("x", 0) for count in counts]
    turns = [count["rz"] - counts[0]["rz"] for count in counts]
    assert pulses[1] == pulses[2] == pulses[3] / 2 > 0
    assert turns[1] == 0  # X X
    assert turns[2] == pulses[2]  # one -X a pair, between two turns
    assert turns[3] == 1.5 * pulses[3]  # three of XY4's four pulses


def test_twirling_randomises_gates_and_readout(monkeypatch) -> None:
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    item = programs(monkeypatch, Ibm("fake_manila", twirling=True), circuit).items[0]
    assert item.shape[0] > 1
    assert "measurement_flips" in str(item.samplex.outputs())
    # A random Pauli on each of the two qubits, three angles each, before the CX and undone behind it.
    assert [part.num_parameters for part in split_at_the_first_cx(item.circuit)] == [6, 6]
    assert type(programs(monkeypatch, Ibm("fake_manila"), circuit).items[0]) is not type(item)


def split_at_the_first_cx(circuit):
    """What is done before the first CX, and after it."""
    place = next(k for k, instruction in enumerate(circuit.data) if instruction.operation.name == "cx")
    parts = circuit.copy_empty_like(), circuit.copy_empty_like()
    for k, instruction in enumerate(circuit.data):
        if k != place:
            parts[k > place].append(instruction)
    return parts


class _SentError(Exception):
    """Raised with what would have been run."""


def programs(monkeypatch, backend, circuit):
    """The program that the client would run for a circuit."""
    from qiskit_ibm_runtime import Executor

    def catch(self, program, dry_run=False):
        raise _SentError(program)

    with monkeypatch.context() as patched:
        patched.setattr(Executor, "run", catch)
        with pytest.raises(_SentError) as caught:
            backend.run(Request(circuit, np.empty((1, 0)), 1_000))
    return caught.value.args[0]


def test_a_job_is_one_pub_for_all_rows_and_two_for_the_readout(monkeypatch) -> None:
    from qiskit_ibm_runtime import Executor

    sent = []
    real = Executor.run
    monkeypatch.setattr(
        Executor, "run", lambda self, program, **how: sent.append(program) or real(self, program)
    )
    Ibm("fake_manila").run(request_of(shots=30_000))
    (program,) = sent
    assert [item.shape for item in program.items] == [(6,), (), ()]
    assert program.shots == 10_000


def test_a_training_is_transpiled_once(monkeypatch) -> None:
    from qfin.quantum.backends._runtime import planning

    made = []
    real = planning.device_circuit
    monkeypatch.setattr(planning, "device_circuit", lambda *how: made.append(how) or real(*how))
    backend = Ibm("fake_manila", mitigation="none")
    for step in range(3):
        backend.run(request_of(shots=100 + step, seed=step, theta=((0.1 * step, 0.2, 0.3),)))
    assert len(made) == 1
    backend.run(Request(QuantumCircuit(1), np.empty((1, 0)), 10))
    assert len(made) == 2


def test_lineage_is_json_and_says_how() -> None:
    lineage = json.loads(json.dumps(dict(Ibm("fake_manila").run(request_of()).lineage)))
    assert lineage["backend"] == "ibm fake_manila"
    assert lineage["job_ids"] == []
    assert lineage["isa"]["two_qubit_gates"] >= 1
    assert lineage["mitigation"]["method"] == "m3"
    assert set(lineage["versions"]) >= {"qiskit", "qiskit-ibm-runtime", "mthree"}


BASE = dict(theta=((0.3, 1.1, 2.4),), shots=1_000, seed=3)


def test_the_tag_is_of_all_that_a_job_depends_on() -> None:
    tags = {
        Ibm("fake_manila").tag(request_of(**BASE)),
        Ibm("fake_nairobi").tag(request_of(**BASE)),
        Ibm("fake_manila", twirling=True).tag(request_of(**BASE)),
        Ibm("fake_manila", dynamical_decoupling="XX").tag(request_of(**BASE)),
        Ibm("fake_manila", mitigation="none").tag(request_of(**BASE)),
        Ibm("fake_manila", optimization_level=1).tag(request_of(**BASE)),
        *(
            Ibm("fake_manila").tag(request_of(**{**BASE, **change}))
            for change in (
                {"seed": 4},
                {"shots": 1_001},
                {"theta": ((0.3, 1.1, 2.4000001),)},
                {"theta": ((0.3, 1.1, 2.4),) * 2},
            )
        ),
        Ibm("fake_manila").tag(Request(asymmetric(), np.array(BASE["theta"]), 1_000, 3, np.eye(8)[0])),
    }
    assert len(tags) == 11
    again = Ibm("fake_manila", max_qpu_seconds=9.0, max_wait_seconds=5.0, resubmit=True)
    assert again.tag(request_of(**BASE)) in tags


@pytest.mark.parametrize("change", ["gate", "angle", "qubits", "state", "control", "measured"])
def test_another_circuit_has_another_tag(change: str) -> None:
    def circuit(changed=""):
        made = QuantumCircuit(3, 2)
        amplitudes = np.sqrt([0.4, 0.1, 0.2, 0.3] if changed == "state" else [0.1, 0.4, 0.2, 0.3])
        made.append(StatePreparation(amplitudes), [0, 1])
        made.ry(0.31 if changed == "angle" else 0.3, 1)
        (made.cz if changed == "gate" else made.cx)(0, 1)
        made.cx(*((2, 1) if changed == "qubits" else (1, 2)))
        made.cx(0, 2, ctrl_state=0 if changed == "control" else 1)
        made.measure([0, 1], [1, 0] if changed == "measured" else [0, 1])
        return Request(made, np.empty((1, 0)), 10)

    assert Ibm("fake_manila").tag(circuit()) == Ibm("fake_manila").tag(circuit())
    assert Ibm("fake_manila").tag(circuit()) != Ibm("fake_manila").tag(circuit(change))


NESTED = """
import numpy as np
from qiskit import QuantumCircuit
from qfin.quantum import Request
from qfin.quantum.backends import Ibm

def request():
    inner = QuantumCircuit(2)
    inner.ry(0.3, 0)
    inner.cx(0, 1)
    whole = QuantumCircuit(3)
    whole.append(inner.to_gate(), [2, 0])
    return Request(whole, np.empty((1, 0)), 10)
"""


def test_the_tag_is_the_same_in_a_process_that_made_other_circuits_before() -> None:
    """Qiskit names a gate made of a circuit by a counter; a name like that in the tag is a second paid job."""
    code = NESTED + "_ = [QuantumCircuit(1) for _ in range(7)]\nprint(Ibm('fake_manila').tag(request()))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here: dict = {}
    exec(NESTED, here)
    tags = {Ibm("fake_manila").tag(here["request"]()) for _ in range(2)}
    assert tags == {told.stdout.strip()}


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="dynamical_decoupling = 'YY' is not allowed"):
        BACKENDS.build({"kind": "ibm", "device": "fake_manila", "dynamical_decoupling": "YY"})
    with pytest.raises(ConfigError, match="optimization_level = 4 is not allowed"):
        BACKENDS.build({"kind": "ibm", "device": "fake_manila", "optimization_level": 4})
    with pytest.raises(ConfigError, match="'ibm' needs the parameter 'device'"):
        BACKENDS.build("ibm")
