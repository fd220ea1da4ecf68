"""A circuit as a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_COLUMNS = 16
_MOST_GATES = 120
_PREPARED = ("initialize", "state_preparation")
_STYLE = {"name": "iqp", "fontsize": 12, "subfontsize": 8}


def draw_svg(circuit: QuantumCircuit) -> str:
    """The circuit as SVG text, drawn by Qiskit; the same circuit gives the same text.

    A prepared state is one box, "prior", and the measurement another. Rows are folded; what is past the first 120
    gates is one box that says how many there are.
    """
    import matplotlib
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "qfin", "svg.fonttype": "path"}):
        figure = _simplified(circuit).draw("mpl", style=_STYLE, fold=_COLUMNS, idle_wires=True)
        figure.subplots_adjust(left=0.0, right=1.0, bottom=0.0, top=1.0)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return text.getvalue()


def _simplified(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit with one box for each prepared state, one for all late gates and one for the measurement."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import Gate

    drawn = QuantumCircuit(*circuit.qregs) if circuit.qregs else QuantumCircuit(circuit.num_qubits)
    place = {qubit: drawn.qubits[k] for k, qubit in enumerate(circuit.qubits)}
    gates, measured = 0, []
    for instruction in circuit.data:
        operation: Any = instruction.operation
        qubits = [place[qubit] for qubit in instruction.qubits]
        if operation.name == "measure":
            measured += qubits
            continue
        gates += operation.name != "barrier"
        if operation.name in _PREPARED:
            operation = Gate("prior", operation.num_qubits, [])
        if gates <= _MOST_GATES and operation.name != "barrier":
            drawn.append(operation, qubits)
    if gates > _MOST_GATES:
        drawn.append(Gate(f"{gates - _MOST_GATES} more", drawn.num_qubits, []), drawn.qubits)
    if measured:
        drawn.append(Gate("measure", len(measured), []), measured)
    return drawn
