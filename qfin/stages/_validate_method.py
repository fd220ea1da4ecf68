"""What the stages of a model are, in the words of the classes that are them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from qfin.model import ScenarioModel
from qfin.registry import kind_of


def method(model: ScenarioModel) -> list[dict[str, Any]]:
    """A row a stage of a fitted model, a wrapped model and its prior included: its kind, what it is, with its sources,
    and its parameters as given."""
    inner = getattr(model.dependence, "model_", model.dependence)
    stages: dict[str, Any] = {
        "volatility": model.volatility,
        "marginals": model.marginals,
        "dependence": model.dependence,
        "model inside": None if inner is model.dependence else inner,
        "prior": getattr(inner, "prior_", None),
    }
    return [_row(name, stage) for name, stage in stages.items() if stage is not None]


def _row(name: str, stage: Any) -> dict[str, Any]:
    summary, *paragraphs = _described(type(stage))
    return {
        "stage": name,
        "kind": kind_of(stage),
        "summary": summary,
        "paragraphs": paragraphs,
        "parameters": _parameters(stage.get_params(deep=False)),
    }


def _described(cls: type) -> list[str]:
    """Paragraphs of a docstring before its first section: the lines of one are joined, formulas stay indented."""
    text = inspect.getdoc(cls) or ""
    lines = text.splitlines()
    rule = next((k for k, line in enumerate(lines) if set(line) == {"-"}), len(lines) + 1)
    paragraphs = "\n".join(lines[: rule - 1]).strip().split("\n\n")
    return [
        paragraph
        if paragraph.startswith("    ")
        else " ".join(line.strip() for line in paragraph.splitlines())
        for paragraph in paragraphs
    ]


def _parameters(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in sorted(given.items())}


def _text(value: Any) -> str:
    if value is None:
        return "chosen"
    return kind_of(value) if hasattr(value, "get_params") else str(value)
