"""A circuit as a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_ONE_ROW = -1
_STYLE = {"name": "iqp", "fontsize": 11, "subfontsize": 8}


def draw_svg(circuit: QuantumCircuit) -> str:
    """The circuit as SVG text, drawn by Qiskit; the same circuit gives the same text.

    A prepared state is one box, "prior"; long circuits are one long row, to scroll sideways.
    """
    import matplotlib
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "qfin", "svg.fonttype": "path"}):
        figure = _labelled(circuit).draw("mpl", style=_STYLE, fold=_ONE_ROW, idle_wires=True)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
        pyplot.close(figure)
    return text.getvalue()


def _labelled(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit with each prepared state replaced by a box, whose amplitudes nobody can read."""
    from qiskit.circuit import Gate

    drawn = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation: Any = instruction.operation
        if operation.name in ("initialize", "state_preparation"):
            operation = Gate("prior", operation.num_qubits, [])
        drawn.append(operation, instruction.qubits, instruction.clbits)
    return drawn
