"""Diagnoses of circuits: trainability, entanglement, mutual information of bits, worth of gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from qfin.report import _format as form
from qfin.report._data import DiagnosisData, ModelData, ReportData
from qfin.report.figures import circuit as figures
from qfin.report.figures.layout import HALF, responsive

_GATES = 15
_STARTS = (("model", "c0", "the model’s own first angles"), ("uniform", "h", "uniform angles in [0, 2π)"))
_KINDS = (
    ("quantum", "Circuit, before it is measured"),
    ("circuit", "Circuit, measured"),
    ("data", "History"),
)


def diagnoses(data: ReportData) -> list[dict[str, Any]]:
    """A diagnosis for each model that has one."""
    return [_diagnosis(model, model.diagnosis) for model in data.models if model.diagnosis is not None]


def _diagnosis(model: ModelData, found: DiagnosisData) -> dict[str, Any]:
    about = found.about
    return {
        "label": model.label,
        "the_label": form.the(model.label),
        "ref": found.ref,
        "samples": form.number(about["samples"]),
        "days": form.number(about["days"]),
        "top_bit": about["grid"]["bits"] - 1,
        "most_qubits": max(about["qubits"]),
        "loaded": about["model"]["start"] == "load",
        "trend": _trend(found),
        "plateaus": _plateaus(found),
        "sizes": _sizes(found),
        "facts": _facts(found),
        "matrices": _matrices(found),
        "pairs": _pairs(found.factors),
        "gates": _gates(found.gates),
        "gate_count": form.number(len(found.gates)),
        "left_out": max(0, len(found.gates) - _GATES),
        "idle": form.number(about["idle_gates"]),
    }


def _plateaus(found: DiagnosisData) -> list[tuple[str, Any]]:
    limits = figures.plateau_limits(found.gradients)
    layers = found.about["model"]["layers"]

    def draw(name: str, colour: str, title: str) -> Any:
        rows = found.gradients[found.gradients["initialisation"] == name]
        return responsive(lambda width: figures.plateau(rows, limits, layers, colour, title, width), HALF)

    return [(form.capitalised(title), draw(name, colour, title)) for name, colour, title in _STARTS]


def _sizes(found: DiagnosisData) -> list[dict[str, Any]]:
    """A row a number of layers, at the most qubits measured."""
    most = max(found.about["qubits"])
    rows = []
    for row in found.ansatz.to_dict("records"):
        gradients = found.gradients
        here = gradients[(gradients["qubits"] == most) & (gradients["layers"] == row["layers"])]
        starts = here.set_index("initialisation")
        rows.append(
            {
                "layers": row["layers"],
                "used": row["layers"] == found.about["model"]["layers"],
                "starts": [
                    (form.scientific(starts.loc[name, "median"]), form.scientific(starts.loc[name, "variance"]),
                     _decay(found, name, row["layers"]))
                    for name, *_ in _STARTS
                ],
                "entanglement": [
                    form.number(value, 3) for value in (row["entanglement_model"], row["entanglement_uniform"])
                ],
                "expressibility": form.number(row["expressibility"], 3),
            }
        )  # fmt: skip
    return rows


def _row(found: DiagnosisData, name: str, layers: int) -> Mapping[str, Any] | None:
    """How the squared gradient of an initialisation changes with a qubit, None where it is not known."""
    rows = found.about["decay"]
    return next((row for row in rows if (row["initialisation"], row["layers"]) == (name, layers)), None)


def _decay(found: DiagnosisData, name: str, layers: int) -> str:
    row = _row(found, name, layers)
    if row is None:
        return "n/a"
    factor, lower, upper = (form.number(row[key], 2) for key in ("factor", "lower", "upper"))
    return f"×{factor} ({lower} to {upper})"


def _trend(found: DiagnosisData) -> str | None:
    """What a qubit more does to the gradient, in words; None where too few numbers of qubits were measured."""
    layers = found.about["model"]["layers"]
    own, uniform = (_in_words(found, name, layers) for name in ("model", "uniform"))
    if own is None or uniform is None:
        return None
    depth = "1 layer" if layers == 1 else f"{layers} layers"
    return f"With its {depth} and its own first angles the squared gradient {own}; with uniform angles it {uniform}."


def _in_words(found: DiagnosisData, name: str, layers: int) -> str | None:
    row = _row(found, name, layers)
    if row is None:
        return None
    change = "falls" if row["upper"] < 1.0 else "grows" if row["lower"] > 1.0 else "shows no trend"
    return f"{change} as qubits are added, {_decay(found, name, layers)} a qubit"


def _facts(found: DiagnosisData) -> list[tuple[str, str]]:
    entanglement, loss = found.about["entanglement"], found.about["loss"]
    return [
        ("Entanglement Q, trained", form.number(entanglement["trained"], 3)),
        ("before training", form.number(entanglement["start"], 3)),
        ("of a random state", form.number(entanglement["haar"], 3)),
        ("Loss, trained", f"{form.number(loss['trained'], 5)} nats a day"),
        ("before training", form.number(loss["start"], 5)),
        ("at best", form.number(loss["bound"], 5)),
    ]


def _matrices(found: DiagnosisData) -> list[tuple[str, Any, str]]:
    bits, factors = found.bits, found.about["factors"]
    each = found.about["grid"]["bits"]
    matrices = {name: _symmetric(bits, name, each * len(factors)) for name, _ in _KINDS}
    measured = max(float(matrices[name].max()) for name in ("circuit", "data"))
    tops = {"quantum": float(matrices["quantum"].max()), "circuit": measured, "data": measured}
    return [
        (title, figures.information(factors, each, matrices[name], tops[name] or 1.0, title),
         form.number(tops[name], 2))
        for name, title in _KINDS
    ]  # fmt: skip


def _symmetric(bits: pd.DataFrame, name: str, n: int) -> np.ndarray:
    matrix = np.zeros((n, n))
    rows, columns = bits["qubit"].to_numpy(), bits["other_qubit"].to_numpy()
    matrix[rows, columns] = matrix[columns, rows] = bits[name].to_numpy()
    return matrix


def _pairs(factors: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "names": f"{row['factor']}, {row['other_factor']}",
            "figures": [form.nats(value) for value in (row["start"], row["circuit"])],
            "data": f"{form.nats(row['data'])} ± {form.nats(row['data_error'])}",
            "missed": form.nats(row["data"] - row["circuit"], signed=True),
            "beyond_error": abs(row["data"] - row["circuit"]) > 2.0 * row["data_error"],
            "quantum": form.nats(row["quantum_of_bits"]),
        }
        for row in factors.to_dict("records")
    ]


def _gates(gates: pd.DataFrame) -> list[dict[str, Any]]:
    shown = gates.head(_GATES)
    top = float(shown["loss_change"].abs().max()) or 1.0
    return [
        {
            "position": row["position"],
            "layer": row["layer"],
            "gate": row["gate"].upper(),
            "bits": row["bits"],
            "angle": form.number(row["angle"], 3, signed=True),
            "loss": form.scientific(row["loss_change"], signed=True),
            "bar": round(100 * abs(row["loss_change"]) / top),
            "costs": row["loss_change"] < 0,
            "gradient": form.scientific(row["gradient"], signed=True),
            "fisher": form.number(row["fisher"], 4),
        }
        for row in shown.to_dict("records")
    ]
