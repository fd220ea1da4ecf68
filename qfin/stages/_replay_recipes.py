"""How each stage is run again from what its artifact records; a stage that is not in the table is not replayed.

Inputs come back with their keys sorted; where the order of a mapping shows in the files, a stage records it as a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfin.stages._recorded import Sources, recorded_config, recorded_portfolio
from qfin.stages._replay_prices import ingest_again
from qfin.stages.backtest import backtest, fit_of, forecast
from qfin.stages.diagnose import diagnose
from qfin.stages.encode import encode
from qfin.stages.generate import generate
from qfin.stages.race import race
from qfin.stages.report import report
from qfin.stages.risk import risk
from qfin.stages.sensitivity import Variation, collected
from qfin.stages.stress import stress
from qfin.stages.train import train
from qfin.stages.tune import tune
from qfin.stages.validate import validate
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.stages.config import RunConfig


@dataclass(frozen=True)
class Recipe:
    """An artifact to be made again.

    Attributes
    ----------
    original : the artifact as it is stored
    store : where it is made again, its parents with it
    sources : where data and portfolio lie now, if not in the store
    """

    original: Artifact
    store: Store
    sources: Sources

    def config(self, **sections: Any) -> RunConfig:
        """The configuration that the artifact records; `sections` are those that its inputs name otherwise."""
        if "portfolio_hash" in self.original.inputs:
            sections["portfolio"] = str(recorded_portfolio(self.original, self.sources))
        return recorded_config(self.original, **sections)

    def parent(self, role: str) -> Artifact:
        """What it is made from, made again."""
        return self.store.get(self.original.parents[role])

    def parents(self) -> list[Artifact]:
        """All it is made from, in the order of their roles' numbers: `risk_0`, `risk_1`, ..."""
        roles = sorted(self.original.parents, key=lambda role: int(role.rpartition("_")[2]))
        return [self.parent(role) for role in roles]


def _train(recipe: Recipe) -> Artifact:
    inputs = recipe.original.inputs
    config = recipe.config(measures={"confidence": inputs["confidence"]})
    return train(config, inputs["dependence"], recipe.parent("encoding"), recipe.store)


def _generate(recipe: Recipe) -> Artifact:
    inputs, parents = recipe.original.inputs, recipe.original.parents
    names = ("count", "horizon", "certificate_bound")
    sections: dict[str, Any] = {"scenarios": {name: inputs[name] for name in names if name in inputs}}
    if "tuned" in parents:
        sections["tuning"] = recipe.parent("tuned").inputs["tuning"]
    return generate(recipe.config(**sections), recipe.parent("model"), recipe.store)


def _stress(recipe: Recipe) -> Artifact:
    inputs = recipe.original.inputs
    moves = inputs["stress"]["moves"]
    ordered = {name: {factor: moves[name][factor] for factor in move} for name, *move in inputs["order"]}
    var_level, es_level = inputs["levels"]
    config = recipe.config(
        measures={"var_level": var_level, "es_level": es_level}, stress=inputs["stress"] | {"moves": ordered}
    )
    return stress(config, recipe.parent("scenarios"), recipe.store)


def _race(recipe: Recipe) -> Artifact:
    inputs = recipe.original.inputs
    models = {name: inputs["models"][name] for name in inputs["order"]}
    config = recipe.config(race=inputs["race"] | {"models": models}, encoding=_grid(inputs["settings"]))
    return race(config, recipe.parent("history"), recipe.store)


def _forecast(recipe: Recipe) -> Artifact:
    return forecast(recipe.config(), recipe.parent("history"), fit_of(recipe.original), recipe.store)


def _backtest(recipe: Recipe) -> Artifact:
    count = sum(role.startswith("forecast_") for role in recipe.original.parents)
    made = [recipe.parent(f"forecast_{number}") for number in range(count)]
    return backtest(recipe.config(), recipe.parent("history"), recipe.store, made)


def _sensitivity(recipe: Recipe) -> Artifact:
    inputs = recipe.original.inputs
    made = [
        (Variation(setting, value), recipe.parent(f"variation_{number}"))
        for number, (setting, value) in enumerate(inputs["variations"])
    ]
    left_out = [(Variation(setting, value), why) for setting, value, why in inputs["left_out"]]
    return collected(recipe.parent("risk"), made, left_out, recipe.store)


def _grid(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The grid of models of several sizes; where there are none, all specs are complete without."""
    names = ("bits", "bins", "code")
    return next(({n: spec[n] for n in names} for spec in settings.values() if spec.keys() >= set(names)), {})


RECIPES: Mapping[str, Callable[[Recipe], Artifact]] = {
    "ingest": lambda recipe: ingest_again(recipe.original, recipe.store, recipe.sources),
    "encode": lambda recipe: encode(recipe.config(), recipe.parent("history"), recipe.store),
    "train": _train,
    "tune": lambda recipe: tune(recipe.config(), recipe.parent("model"), recipe.store),
    "generate": _generate,
    "risk": lambda recipe: risk(recipe.config(), recipe.parent("scenarios"), recipe.store),
    "stress": _stress,
    "diagnose": lambda recipe: diagnose(recipe.parent("model"), recipe.store, **recipe.original.inputs),
    "race": _race,
    "forecast": _forecast,
    "backtest": _backtest,
    "report": lambda recipe: report(recipe.parents(), recipe.store),
    "sensitivity": _sensitivity,
    "validate": lambda recipe: validate(recipe.parents(), recipe.store),
}
