"""Expressions of parameters as one function, against Qiskit's own values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qfin.errors import ConfigError
from qfin.quantum import Program, _expressions
from qfin.quantum._expressions import compile_expressions

A, B, C = (
    Parameter("a"),
    Parameter("_0"),
    Parameter("theta[3] + 1"),
)  # names that must not be taken for anything else
ONE = ["sin", "cos", "tan", "exp", "arctan", "abs", "conjugate"]


def random_expression(rng: np.random.Generator, depth: int) -> object:
    if depth == 0:
        return [A, B, C, float(rng.normal()), int(rng.integers(1, 4))][rng.integers(5)]
    u, v = random_expression(rng, depth - 1), random_expression(rng, depth - 1)
    kind = rng.integers(5)
    if kind < 3:
        return [u + v, u - 2 * v, u * v][kind]
    if kind == 3 and hasattr(u, "parameters"):
        return getattr(u, str(rng.choice(ONE)))()
    return (u + 3) ** 2 / 7


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
@example(120415, 4)
def test_values_are_qiskits(seed: int, depth: int) -> None:
    rng = np.random.default_rng(seed)
    expressions = [e for e in (random_expression(rng, depth) for _ in range(4)) if hasattr(e, "parameters")]
    evaluate = compile_expressions(expressions, [A, B, C])
    assume(
        evaluate is not None
    )  # where rounding is magnified past 1e-13, near a pole of tan, Qiskit's value is taken
    values = dict(zip([A, B, C], rng.uniform(-1, 1, 3), strict=True))
    expected = [complex(e.bind({p: values[p] for p in e.parameters})).real for e in expressions]
    np.testing.assert_allclose(evaluate(*values.values()), expected, rtol=1e-12, atol=1e-12)


def test_a_text_that_is_not_understood_is_left_to_qiskit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(_expressions._FUNCTIONS, "sin")
    circuit = QuantumCircuit(1)
    circuit.ry(A.sin(), 0)
    program = Program.from_circuit(circuit)
    assert program._reading.angles.evaluate_curved is None
    value, gradient = program.value_and_gradient([0.4], lambda p: (p[1], np.array([0.0, 1.0])))
    assert value == pytest.approx(np.sin(np.sin(0.4) / 2) ** 2, abs=1e-15)
    assert gradient[0] == pytest.approx(np.sin(np.sin(0.4)) / 2 * np.cos(0.4), abs=1e-15)


def test_a_function_that_says_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_expressions._FUNCTIONS, "exp", lambda x: 1.0 + x)
    assert compile_expressions([A.exp()], [A]) is None


def test_outside_its_domain_the_instruction_is_named() -> None:
    circuit = QuantumCircuit(2)
    circuit.ry(A, 0)
    circuit.ry(1 / A, 1)
    program = Program.from_circuit(circuit)
    assert np.isfinite(program.probabilities([0.5])).all()
    with pytest.raises(ConfigError, match=r"instruction 1 \(ry on qubit 1\): the angle has no value here"):
        program.probabilities([0.0])


def test_an_angle_without_a_derivative_is_named() -> None:
    circuit = QuantumCircuit(1)
    circuit.ry(A.sign(), 0)
    with pytest.raises(ConfigError, match=r"\(ry on qubit 0\): the angle sign\(a\) has no derivative in a"):
        Program.from_circuit(circuit)
