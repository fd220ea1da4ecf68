"""Stage `sensitivity`: what VaR, ES and score become when a setting behind a scenario set is another."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.errors import ConfigError, DataError
from qfin.stages._chain import Chain
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
    for variation in _variations(chain, wanted):
        try:
            made.append((variation, _again(chain, variation, wanted.most_qubits, store)))
        except (ConfigError, DataError) as error:
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
        values = [(name, _value(chain, name)) for name in SETTINGS if name in tried]
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


def _value(chain: Chain, setting: str) -> int | None:
    """What a setting is in the model itself; None where it has none."""
    if setting == "seed":
        return chain.seed
    if setting == "window_days":
        return int(chain.encoding.summary["days"])
    known = _settings(chain).get(setting) if _takes(chain.spec, setting) else None
    return int(known) if isinstance(known, int) else None


def _settings(chain: Chain) -> Mapping[str, Any]:
    """Parameters of the model and of one that it wraps, those as fitted before those as given."""
    details = chain.model.json("details.json")
    return {**_parameters(chain.spec), **details.get("inner", {}), **details}


def _variations(chain: Chain, wanted: SensitivityConfig) -> Iterator[Variation]:
    """What is to be tried: values that are not the model's own, of settings that it has."""
    values = wanted.model_dump() | {"seed": [chain.seed + 1 + k for k in range(wanted.seeds)]}
    for setting in SETTINGS:
        own = _value(chain, setting)
        if own is not None:
            yield from (Variation(setting, v) for v in sorted(set(values[setting])) if v != own)


def _again(chain: Chain, variation: Variation, most_qubits: int, store: Store) -> Artifact:
    """The `risk` artifact with one setting changed.

    Raises
    ------
    ConfigError, DataError
        if it cannot be made with these settings or from these days.
    """
    config, spec, encoding = _config(chain), chain.spec, chain.encoding
    match variation.setting:
        case "seed":
            config = config.model_copy(update={"seed": variation.value})
            spec = _with(spec, "random_state", variation.value)
        case "window_days":
            grid = config.encoding.model_copy(update={"window_days": variation.value})
            config = config.model_copy(update={"encoding": grid})
            encoding = encode(config, chain.history, store)
        case setting:
            _check_size(chain, variation, most_qubits)
            spec = _with(spec, setting, variation.value)
    return risk(config, generate(config, train(config, spec, encoding, store), store), store)


def _config(chain: Chain) -> RunConfig:
    """The configuration that the chain's artifacts record, without an error budget."""
    drawn, measured = chain.scenarios.inputs, chain.risk.inputs
    return recorded_config(
        chain.encoding,
        scenarios={"count": drawn["count"], "horizon": drawn["horizon"]},
        measures={**measured["measures"], "error_budget": False},
        revaluation=measured["revaluation"],
        portfolio=str(recorded_portfolio(chain.risk, Sources())),
    )


def _check_size(chain: Chain, variation: Variation, most_qubits: int) -> None:
    if variation.setting != "bits":
        return
    known = _settings(chain)
    qubits = known.get("qubits", known["bits"] * len(chain.history.summary["factors"]))
    wanted = int(qubits) // known["bits"] * variation.value
    if wanted > most_qubits:
        raise ConfigError(f"takes {wanted} qubits, and sensitivity.most_qubits is {most_qubits}")


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
