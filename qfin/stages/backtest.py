"""Stages `forecast` and `backtest`: scenario models walked forward with the portfolio, and tests of what they said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.errors import ConfigError, DataError
from qfin.stages._progress import publish
from qfin.stages.risk import PORTFOLIO
from qfin.stages.train import complete_spec
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.evaluation import Span
    from qfin.stages.config import RunConfig


@dataclass(frozen=True)
class Fit:
    """One model's fit to one span of days: what a `forecast` artifact is of.

    Attributes
    ----------
    name : of the model
    volatility, marginals, dependence : its complete specs
    span : days fitted and days forecast, by row of the history
    begins : date of the first day forecast
    """

    name: str
    volatility: Any
    marginals: Any
    dependence: dict[str, Any]
    span: Span
    begins: str

    @property
    def label(self) -> str:
        """Model and date, as people read them."""
        return f"{self.name}, {self.begins}"


def fits(config: RunConfig, history: Artifact) -> list[Fit]:
    """Every fit that the configured backtest of an `ingest` artifact takes, model by model.

    Raises
    ------
    ConfigError
        if a model's spec is wrong, or a horizon is longer than the days tested.
    DataError
        if the history is shorter than the days tested and those of the first fit.
    """
    from qfin.evaluation import Composition, spans
    from qfin.market import ReturnsFrame

    wanted = config.backtest
    if max(wanted.horizons) > wanted.days:
        raise ConfigError(
            f"backtest.horizons has {max(wanted.horizons)} days and backtest.days is {wanted.days}: no P&L is complete"
        )
    returns = ReturnsFrame.read(history.path("returns.parquet"))
    days = spans(len(returns), wanted.days, wanted.training_days, wanted.refit_every, wanted.window)
    found = []
    for name, model in wanted.models.items():
        stages = (
            model.volatility or config.volatility,
            model.marginals or config.marginals,
            complete_spec(config, model.dependence or config.dependence),
        )
        Composition(*stages).build()
        found += [Fit(name, *stages, span, f"{returns.dates[span.first]:%Y-%m-%d}") for span in days]
    if not found:
        raise DataError("backtest.models is empty; name at least one model")
    return found


def forecast(config: RunConfig, history: Artifact, fit: Fit, store: Store) -> Artifact:
    """Publish what one fit forecast of the portfolio, and what came, day by day.

    `forecasts.parquet`: a row a day, horizon and level, with P&L, VaR, ES, PIT; `draws.parquet`: draws behind them;
    `rosenblatt.parquet`, where the model has conditionals: the realised days' transforms; `parameters.json`.

    Raises
    ------
    DataError
        if the portfolio cannot be read, or names what the history does not have, or the model cannot be fitted.
    """
    from qfin.risk import Portfolio, Revaluation

    portfolio, wanted = Portfolio.read(config.portfolio), config.backtest
    how = Revaluation(**config.revaluation.model_dump())

    def write(folder: Path) -> dict[str, Any]:
        import pandas as pd

        from qfin.evaluation import Composition, Forecaster
        from qfin.market import ReturnsFrame
        from qfin.stages._backtest_forecasts import Walk

        returns = ReturnsFrame.read(history.path("returns.parquet"))
        model = Composition(fit.volatility, fit.marginals, fit.dependence)
        forecaster = Forecaster(returns, fit.span, model, config.seed)
        walk = Walk(forecaster, returns, fit.span, portfolio, how, wanted.scenarios, config.seed)
        rows, draws = walk.tables(wanted.horizons, wanted.levels)
        rows.to_parquet(folder / "forecasts.parquet", index=False, compression="zstd")
        draws.to_parquet(folder / "draws.parquet", index=False, compression="zstd")
        transforms = forecaster.rosenblatt()
        if transforms is not None:
            dates = returns.dates[fit.span.first : fit.span.last]
            table = pd.DataFrame(transforms, columns=list(returns.names)).assign(date=dates)
            table.to_parquet(folder / "rosenblatt.parquet", index=False, compression="zstd")
        parameters = json.dumps(forecaster.parameters(), indent=1, allow_nan=False)
        (folder / "parameters.json").write_text(parameters, encoding="utf-8")
        portfolio.write(folder / PORTFOLIO)
        return {
            "model": fit.name,
            "label": type(forecaster.model.dependence).label,
            "begins": fit.begins,
            "days": fit.span.last - fit.span.first,
            "base_currency": portfolio.base_currency,
        }

    inputs = {
        "fit": asdict(fit),
        "portfolio": portfolio.name,
        "portfolio_hash": portfolio.content_hash,
        "revaluation": config.revaluation.model_dump(exclude={"workers"}),
        "backtest": {"scenarios": wanted.scenarios, "horizons": wanted.horizons, "levels": wanted.levels},
        "seed": config.seed,
    }
    return publish(store, "forecast", inputs, write, {"history": history}, fit.label)


def backtest(
    config: RunConfig, history: Artifact, store: Store, forecasts: Sequence[Artifact] | None = None
) -> Artifact:
    """Publish the tests of every configured model's forecasts: `backtest.json`, and `daily.parquet`, a row a day.

    Parameters
    ----------
    forecasts : artifacts of all `fits`, in order; None: made here, or found where an interrupted backtest left them

    Raises
    ------
    as `fits` and `forecast`
    """
    wanted = config.backtest
    made = forecasts or [forecast(config, history, fit, store) for fit in fits(config, history)]
    planned = [fit_of(artifact) for artifact in made]

    def write(folder: Path) -> dict[str, Any]:
        from qfin.stages._backtest_verdicts import Verdicts

        verdicts = Verdicts.read(_by_model(planned, made), wanted.significance)
        verdicts.daily().to_parquet(folder / "daily.parquet", index=False, compression="zstd")
        found = {
            "portfolio": made[0].inputs["portfolio"],
            "base_currency": made[0].summary["base_currency"],
            "as_of": history.summary["as_of"],
            "training_days": wanted.training_days,
            "refit_every": wanted.refit_every,
            "window": wanted.window,
            "scenarios": wanted.scenarios,
            "refits": len(planned) // len({fit.name for fit in planned}),
            **verdicts.summary({fit.name: _composition(fit) for fit in planned}),
        }
        text = json.dumps(found, indent=1, allow_nan=False, ensure_ascii=False)
        (folder / "backtest.json").write_text(text, encoding="utf-8")
        first = found["models"][0]["horizons"][0]
        return {
            "portfolio": found["portfolio"],
            "models": len(found["models"]),
            "days": first["days"],
            "hits": {f"{row['level']:g}": row["hits"] for row in first["levels"]},
        }

    parents = {f"forecast_{k}": artifact for k, artifact in enumerate(made)}
    inputs = {"backtest": wanted.model_dump(exclude={"models"})}
    return publish(store, "backtest", inputs, write, {"history": history, **parents})


def fit_of(forecast: Artifact) -> Fit:
    """The fit that a `forecast` artifact is of."""
    from qfin.evaluation import Span

    recorded = forecast.inputs["fit"]
    return Fit(**{**recorded, "span": Span(**recorded["span"])})


def _by_model(planned: Sequence[Fit], made: Sequence[Artifact]) -> Mapping[str, list[Artifact]]:
    groups: dict[str, list[Artifact]] = {}
    for fit, artifact in zip(planned, made, strict=True):
        groups.setdefault(fit.name, []).append(artifact)
    return groups


def _composition(fit: Fit) -> dict[str, Any]:
    from qfin.dependence import DEPENDENCE

    cls = DEPENDENCE.load(fit.dependence["kind"])
    return {
        "label": cls.label,
        "quantum": cls.quantum,
        "volatility": fit.volatility,
        "marginals": fit.marginals,
        "dependence": fit.dependence,
    }
