"""A circuit as a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_COLUMNS = 16
_MOST_GATES = 120
_STYLE = {"name": "iqp", "fontsize": 12, "subfontsize": 8}


def draw_svg(circuit: QuantumCircuit) -> str:
    """The circuit as SVG text, drawn by Qiskit; the same circuit gives the same text.

    A prepared state is one box, "prior". Rows are folded; what is past the first 120 gates is one box that says how
    many there are.
    """
    import matplotlib
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "qfin", "svg.fonttype": "path"}):
        figure = _simplified(circuit).draw("mpl", style=_STYLE, fold=_COLUMNS, idle_wires=True)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return text.getvalue()


def _simplified(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit with a box for each prepared state, whose amplitudes nobody can read, and one for all late gates."""
    from qiskit.circuit import Gate

    drawn = circuit.copy_empty_like()
    gates, left_out, final = 0, 0, []
    for instruction in circuit.data:
        operation: Any = instruction.operation
        if operation.name in ("barrier", "measure"):
            final.append(instruction)
            continue
        gates += 1
        if gates > _MOST_GATES:
            left_out += 1
            continue
        if operation.name in ("initialize", "state_preparation"):
            operation = Gate("prior", operation.num_qubits, [])
        for waiting in final:
            drawn.append(waiting)
        final.clear()
        drawn.append(operation, instruction.qubits)
    if left_out:
        drawn.append(Gate(f"{left_out} more", circuit.num_qubits, []), circuit.qubits)
    for waiting in final:
        drawn.append(waiting)
    return drawn
