"""The arrays that sweeps work in."""

from __future__ import annotations

import numpy as np
import pytest

from qfin.quantum import ANSAETZE, Program


@pytest.mark.parametrize(("kind", "n"), [("line_rzz", 20), ("ring_cx", 20), ("all_rzz", 9), ("ring_cx", 9)])
def test_nothing_is_read_that_was_not_written(kind: str, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 20 qubits on, arrays are given back while the loss is at work, and taken anew for the way back."""
    circuit = ANSAETZE.build(kind).build(n, 2, 2)
    circuit.ry(0.3, range(n))
    program, theta = Program.from_circuit(circuit), np.full(circuit.num_parameters, 0.4)
    weights = np.linspace(0.0, 1.0, 2**n)

    def loss(p: np.ndarray) -> tuple[float, np.ndarray]:
        return float((weights * p).sum()), weights

    with monkeypatch.context() as patch:
        patch.setattr(np, "empty", lambda shape, dtype=float: np.full(shape, np.nan, dtype))
        gradient = program.value_and_gradient(theta, loss)[1]
    k = int(np.argmax(np.abs(gradient)))
    step = 1e-4 * np.eye(len(theta))[k]
    up, down = loss(program.probabilities(theta + step))[0], loss(program.probabilities(theta - step))[0]
    assert gradient[k] == pytest.approx((up - down) / 2e-4, rel=1e-5)
    assert np.isfinite(gradient).all()
