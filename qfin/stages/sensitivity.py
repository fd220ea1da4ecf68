"""Stage `sensitivity`: what VaR, ES and score become when a setting behind a scenario set is another."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.errors import ConfigError, QfinError
from qfin.stages._progress import publish
from qfin.stages._recorded import Sources, recorded_config, recorded_portfolio
from qfin.stages.encode import encode
from qfin.stages.generate import generate
from qfin.stages.risk import risk
from qfin.stages.train import train
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.stages.config import RunConfig, SensitivityConfig

SETTINGS = ("bits", "layers", "seed", "window_days")


@dataclass(frozen=True)
class Variation:
    """One setting with another value, all else as it was.

    Attributes
    ----------
    setting : one of `SETTINGS`
    value : the other value
    """

    setting: str
    value: int


def sensitivity(wanted: SensitivityConfig, base: Artifact, store: Store) -> Artifact:
    """Publish how the figures of a `risk` artifact change with the settings of its model: `sensitivity.json`.

    For each value of each setting model, scenarios and risk are made again, as artifacts of their own, by exact
    probabilities where the set was drawn on a backend. What cannot be made is left out and said why.

    Raises
    ------
    ConfigError
        if the artifact is no risk artifact, or was made with what this qfin does not take.
    """
    chain = Chain.of(base, store)
    made: list[tuple[Variation, Artifact]] = []
    left_out: list[tuple[Variation, str]] = []
    for variation in chain.variations(wanted):
        try:
            made.append((variation, chain.again(variation, wanted.most_qubits, store)))
        except QfinError as error:
            left_out.append((variation, str(error)))
    return collected(base, made, left_out, store)


def collected(
    base: Artifact,
    made: Sequence[tuple[Variation, Artifact]],
    left_out: Sequence[tuple[Variation, str]],
    store: Store,
) -> Artifact:
    """The `sensitivity` artifact of risk artifacts that are made already, and of what could not be."""

    def write(folder: Path) -> dict[str, Any]:
        chain = Chain.of(base, store)
        tried = {variation.setting for variation, _ in made}
        values = [(name, chain.value(name)) for name in SETTINGS if name in tried]
        rows = [_row(Variation(name, v), base, store, own=True) for name, v in values if v is not None]
        rows += [_row(variation, artifact, store) for variation, artifact in made]
        found = {
            "label": base.summary["label"],
            "base_currency": base.summary["currency"],
            "rows": sorted(rows, key=lambda row: (SETTINGS.index(row["setting"]), row["value"])),
            "left_out": [{"setting": v.setting, "value": v.value, "why": why} for v, why in left_out],
        }
        (folder / "sensitivity.json").write_text(
            json.dumps(found, indent=1, allow_nan=False), encoding="utf-8"
        )
        return {"label": base.summary["label"], "variations": len(made), "left_out": len(left_out)}

    inputs = {
        "variations": [[variation.setting, variation.value] for variation, _ in made],
        "left_out": [[variation.setting, variation.value, why] for variation, why in left_out],
    }
    parents = {f"variation_{k}": artifact for k, (_, artifact) in enumerate(made)}
    return publish(store, "sensitivity", inputs, write, {"risk": base, **parents}, base.summary["label"])


@dataclass(frozen=True)
class Chain:
    """The artifacts from history to risk figures of one model."""

    history: Artifact
    encoding: Artifact
    model: Artifact
    scenarios: Artifact
    risk: Artifact

    @classmethod
    def of(cls, risk: Artifact, store: Store) -> Chain:
        """The chain that ends in a `risk` artifact.

        Raises
        ------
        ConfigError
            if it is an artifact of another stage.
        """
        if risk.stage != "risk":
            raise ConfigError(f"{risk.ref} is an artifact of {risk.stage!r}; wanted one of 'risk'")
        scenarios = store.get(risk.parents["scenarios"])
        model = store.get(scenarios.parents["model"])
        encoding = store.get(model.parents["encoding"])
        return cls(store.get(encoding.parents["history"]), encoding, model, scenarios, risk)

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """From the history to the figures."""
        return self.history, self.encoding, self.model, self.scenarios, self.risk

    @property
    def spec(self) -> Mapping[str, Any]:
        """The dependence model's."""
        spec: Mapping[str, Any] = self.model.inputs["dependence"]
        return spec

    def value(self, setting: str) -> int | None:
        """What a setting is in the model itself; None where it has none."""
        if setting == "seed":
            return int(self.scenarios.inputs["seed"])
        if setting == "window_days":
            return int(self.encoding.summary["days"])
        known = self._settings.get(setting)
        return int(known) if isinstance(known, int) else None

    @property
    def _settings(self) -> Mapping[str, Any]:
        """Parameters of the model and of one that it wraps, those as fitted before those as given."""
        details = self.model.json("details.json")
        return {**_parameters(self.spec), **details.get("inner", {}), **details}

    def variations(self, wanted: SensitivityConfig) -> Iterator[Variation]:
        """What is to be tried: values that are not the model's own, of settings that it has."""
        seed = int(self.scenarios.inputs["seed"])
        values = wanted.model_dump() | {"seed": [seed + 1 + k for k in range(wanted.seeds)]}
        for setting in SETTINGS:
            own = self.value(setting)
            if own is not None and (setting not in ("bits", "layers") or _takes(self.spec, setting)):
                yield from (Variation(setting, v) for v in sorted(set(values[setting])) if v != own)

    def again(self, variation: Variation, most_qubits: int, store: Store) -> Artifact:
        """The `risk` artifact with one setting changed.

        Raises
        ------
        QfinError
            if it cannot be made.
        """
        spec, encoding = dict(self.spec), self.encoding
        config = self._config(store)
        match variation.setting:
            case "seed":
                config = config.model_copy(update={"seed": variation.value})
                spec = _with(spec, "random_state", variation.value)
            case "window_days":
                grid = config.encoding.model_copy(update={"window_days": variation.value})
                config = config.model_copy(update={"encoding": grid})
                encoding = encode(config, self.history, store)
            case _:
                spec = _with(spec, variation.setting, variation.value)
        self._check_size(variation, most_qubits)
        scenarios = generate(config, train(config, spec, encoding, store), store)
        return risk(config, scenarios, store)

    def _config(self, store: Store) -> RunConfig:
        drawn, measured = self.scenarios.inputs, self.risk.inputs
        return recorded_config(
            self.encoding,
            scenarios={"count": drawn["count"], "horizon": drawn["horizon"]},
            measures={**measured["measures"], "error_budget": False},
            revaluation=measured["revaluation"],
            portfolio=str(recorded_portfolio(self.risk, Sources())),
        )

    def _check_size(self, variation: Variation, most_qubits: int) -> None:
        if variation.setting != "bits":
            return
        known = self._settings
        variables = (
            int(known.get("qubits", known["bits"] * len(self.history.summary["factors"]))) // known["bits"]
        )
        if variables * variation.value > most_qubits:
            raise ConfigError(
                f"takes {variables * variation.value} qubits, and sensitivity.most_qubits is {most_qubits}"
            )


def _row(variation: Variation, made: Artifact, store: Store, own: bool = False) -> dict[str, Any]:
    chain, found = Chain.of(made, store), made.json("risk.json")
    score = chain.model.json("score.json")
    measures = {row["measure"]: row for row in found["measures"]}
    return {
        "setting": variation.setting,
        "value": variation.value,
        "own": own,
        "score": None if score["mean"] is None else {k: score[k] for k in ("mean", "lower", "upper")},
        **{
            name: {k: measures[name][k] for k in ("level", "value", "lower", "upper")}
            for name in ("VaR", "ES")
        },
    }


def _takes(spec: Mapping[str, Any], name: str) -> bool:
    """Whether the model, or the one that it wraps, has such a parameter."""
    from qfin.dependence import DEPENDENCE

    if name in inspect.signature(DEPENDENCE.load(spec["kind"])).parameters:
        return True
    return isinstance(spec.get("model"), Mapping) and _takes(spec["model"], name)


def _with(spec: Mapping[str, Any], name: str, value: int) -> dict[str, Any]:
    """The spec with another value of a parameter that the model, or the one that it wraps, has."""
    changed = dict(spec)
    if isinstance(spec.get("model"), Mapping):
        changed["model"] = _with(spec["model"], name, value)
    if _takes({**spec, "model": None}, name):
        changed[name] = value
    return changed


def _parameters(spec: Mapping[str, Any]) -> dict[str, Any]:
    inner = spec.get("model")
    return {**(_parameters(inner) if isinstance(inner, Mapping) else {}), **spec}
