"""How the quantum model was trained, and its circuit."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np
from markupsafe import Markup

from qfin.report import _format as form
from qfin.report._data import ReportData
from qfin.report._verdict import prior_label
from qfin.report.figures import training as figures
from qfin.report.figures.layout import HALF, responsive

_MAX_CIRCUIT = 2_500_000


def training(data: ReportData) -> dict[str, Any] | None:
    """Training curve, and how step and data weight were chosen; None for a model that is not trained by steps."""
    frame, details = data.main.training, data.main.details
    if frame is None:
        return None
    held_out = bool(frame["held_out_loss"].notna().any())
    kept = details.get("steps")
    if kept is None and held_out:
        kept = float(frame["step"].to_numpy()[int(np.nanargmin(frame["held_out_loss"].to_numpy()))])
    rows = [row for row in details.get("selection") or () if len(row.get("curve") or ()) > 1]
    weight = details.get("data_weight")
    chosen = next((row for row in rows if row["data_weight"] == weight), None)
    return {
        "plot": responsive(lambda width: figures.curve(frame, kept, width), HALF),
        "selection": responsive(lambda width: figures.selection(rows, chosen, width), HALF) if rows else None,
        "held_out": held_out,
        "facts": _facts(
            {
                "Stopped because": details.get("stop"),
                "Steps kept": kept if kept is None else form.number(kept),
                "Weight of the data in the target": None if weight is None else f"{weight:g}",
                "Loss, first to last step": " to ".join(form.nats(frame["loss"].iloc[k]) for k in (0, -1)),
            }
        ),
    }


def circuit(data: ReportData) -> dict[str, Any] | None:
    """The drawing of the trained circuit; None for a classical model."""
    drawing, details = data.main.circuit, data.main.details
    if drawing is None:
        return None
    known = {"Qubits": "qubits", "Parameters": "parameters", "Layers": "layers", "Ansatz": "ansatz"}
    prior = {"Prior": prior_label(data)} if details.get("prior") else {}
    size = len(drawing.encode())
    source = base64.b64encode(drawing.encode()).decode()
    return {
        # As an image the drawing can run no script, load nothing, and its ids cannot meet the page's.
        "source": Markup(f"data:image/svg+xml;base64,{source}") if size <= _MAX_CIRCUIT else None,
        "long": _aspect(drawing) > 2.5,
        "megabytes": form.number(size / 1e6, 1),
        "facts": _facts({title: details.get(key) for title, key in known.items()} | prior),
        "ref": next((s.ref for s in data.lineage if s.stage == "train"), ""),
    }


def _aspect(drawing: str) -> float:
    """Width over height of an SVG; 1 if it does not say."""
    box = re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', drawing)
    return float(box[1]) / float(box[2]) if box and float(box[2]) > 0 else 1.0


def _facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (title, form.number(value) if isinstance(value, int) else str(value))
        for title, value in facts.items()
        if value is not None
    ]
