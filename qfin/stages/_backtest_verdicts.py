"""What backtests say of several models' forecasts of the same days."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from qfin.errors import DataError
from qfin.risk.backtests import (
    Forecasts,
    NotRun,
    Tail,
    TestResult,
    backtest_distribution,
    backtest_measures,
    compare_fz0,
    e_process,
)
from qfin.store import Artifact

_BASEL_DAYS, _GREEN = 250, 0.95


@dataclass(frozen=True, eq=False)
class Walked:
    """One model's forecasts over all fits.

    Attributes
    ----------
    name : of the model
    rows : `forecasts.parquet` of all fits
    draws : `draws.parquet` of all fits
    rosenblatt : shape (days, d), by date; None if one of the fits has none
    parameters : of each fit, with its first and last day
    scenarios : drawn for a day
    """

    name: str
    rows: pd.DataFrame
    draws: pd.DataFrame
    rosenblatt: pd.DataFrame | None
    parameters: list[dict[str, Any]]
    scenarios: int

    @classmethod
    def read(cls, name: str, fits: Sequence[Artifact]) -> Walked:
        """From the `forecast` artifacts of one model, in order."""
        rows = [pd.read_parquet(fit.path("forecasts.parquet")) for fit in fits]
        draws = [pd.read_parquet(fit.path("draws.parquet")) for fit in fits]
        known = all("rosenblatt.parquet" in fit.files for fit in fits)
        transforms = [pd.read_parquet(fit.path("rosenblatt.parquet")) for fit in fits] if known else []
        return cls(
            name,
            pd.concat(rows, ignore_index=True),
            pd.concat(draws, ignore_index=True),
            pd.concat(transforms).set_index("date") if known else None,
            [_parameters(fit, part) for fit, part in zip(fits, rows, strict=True)],
            fits[0].inputs["backtest"]["scenarios"],
        )

    @property
    def horizons(self) -> list[int]:
        """Days of P&L, as configured."""
        return [int(h) for h in self.rows["horizon"].unique()]

    @property
    def levels(self) -> list[float]:
        """Of VaR and ES, as configured."""
        return [float(level) for level in self.rows["level"].unique()]

    def forecasts(self, horizon: int, level: float, *, overlapping: bool) -> Forecasts:
        """What was said and what came: every day, or every `horizon`-th.

        Raises
        ------
        DataError
            if a VaR is not above 0: a portfolio without risk.
        """
        rows = self.rows[(self.rows["horizon"] == horizon) & (self.rows["level"] == level)]
        draws = self.draws[self.draws["horizon"] == horizon]
        if not overlapping:
            rows, draws = rows.iloc[::horizon], draws.iloc[::horizon]
        known = self.rosenblatt is not None and horizon == 1
        return Forecasts(
            rows["pnl"].to_numpy(),
            rows["var"].to_numpy(),
            level,
            es=rows["es"].to_numpy(),
            dates=list(rows["date"]),
            pit=rows["pit"].to_numpy(),
            simulated=np.stack(draws["draws"].to_list()),
            tail=Tail(np.stack(draws["tail"].to_list()), self.scenarios),
            rosenblatt=self.rosenblatt.loc[rows["date"]].to_numpy() if known else None,  # type: ignore[union-attr]
            scale=rows["scale"].to_numpy(),
            horizon=horizon if overlapping else 1,
        )


@dataclass(frozen=True, eq=False)
class Verdicts:
    """All models' forecasts, and the tests of them.

    Attributes
    ----------
    models : the first is the one that the others are compared with
    significance : of each test by itself
    """

    models: tuple[Walked, ...]
    significance: float

    @classmethod
    def read(cls, artifacts: Mapping[str, Sequence[Artifact]], significance: float) -> Verdicts:
        """From the `forecast` artifacts of every model."""
        return cls(tuple(Walked.read(name, fits) for name, fits in artifacts.items()), significance)

    def daily(self) -> pd.DataFrame:
        """A row a model, day, horizon and level, with the hit and the running evidence of the e-backtests.

        Evidence is of every day of a horizon of one; of longer ones, whose P&L overlaps, there is none, and of the ES
        none where so few scenarios were drawn that it is the VaR on a day.
        """
        return pd.concat([self._with_evidence(model) for model in self.models], ignore_index=True)

    def summary(self, compositions: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """JSON values: days, and for each model its composition, tests and parameters."""
        first = self.models[0].rows
        return {
            "first": f"{first['date'].iloc[0]:%Y-%m-%d}",
            "last": f"{first['until'].max():%Y-%m-%d}",
            "days": int(first["date"].nunique()),
            "significance": self.significance,
            "models": [self._model(model, compositions[model.name]) for model in self.models],
        }

    def _model(self, model: Walked, composition: Mapping[str, Any]) -> dict[str, Any]:
        shapes = [(h, lap) for h in model.horizons for lap in ((False,) if h == 1 else (True, False))]
        return {
            "name": model.name,
            **composition,
            "horizons": [self._horizon(model, h, lap) for h, lap in shapes],
            "parameters": model.parameters,
        }

    def _horizon(self, model: Walked, horizon: int, overlapping: bool) -> dict[str, Any]:
        series = [model.forecasts(horizon, level, overlapping=overlapping) for level in model.levels]
        return {
            "horizon": horizon,
            "overlapping": overlapping,
            "days": len(series[0]),
            "levels": [self._level(model, given, horizon, overlapping) for given in series],
            "tests": [_outcome(one) for one in backtest_distribution(series[0], self.significance)],
        }

    def _level(self, model: Walked, given: Forecasts, horizon: int, overlapping: bool) -> dict[str, Any]:
        return {
            "level": given.level,
            "hits": int(given.hits.sum()),
            "expected": len(given) * (1.0 - given.level),
            "mean_var": float(given.var.mean()),
            "mean_es": float(np.mean(given.es)),  # type: ignore[arg-type]
            "green_share": None if overlapping else green_share(given.hits, given.level),
            "tests": [_outcome(one) for one in backtest_measures(given, self.significance)],
            "against_first": None if overlapping else self._against_first(model, given, horizon),
        }

    def _against_first(self, model: Walked, given: Forecasts, horizon: int) -> dict[str, Any] | None:
        """FZ0 scores beside those of the first model; None for that one, or why they cannot be compared."""
        first = self.models[0]
        if model is first:
            return None
        theirs = first.forecasts(horizon, given.level, overlapping=False)
        try:
            return _outcome(compare_fz0(theirs, given, self.significance, names=(first.name, model.name)))
        except DataError as error:
            return {"name": "FZ0 Diebold-Mariano", "why_not_run": str(error)}

    def _with_evidence(self, model: Walked) -> pd.DataFrame:
        rows = model.rows.copy()
        rows.insert(0, "model", model.name)
        rows["hit"] = rows["pnl"] < -rows["var"]
        rows["evidence_var"], rows["evidence_es"] = np.nan, np.nan
        for level in model.levels:
            here = (rows["horizon"] == 1) & (rows["level"] == level)
            if here.any():
                pnl, var, es = (rows.loc[here, name].to_numpy() for name in ("pnl", "var", "es"))
                rows.loc[here, "evidence_var"] = e_process(pnl, var, level).evidence
                if (es > var).all():
                    rows.loc[here, "evidence_es"] = e_process(pnl, var, level, es).evidence
        return rows


def _parameters(fit: Artifact, rows: pd.DataFrame) -> dict[str, Any]:
    dates = rows["date"]
    return {
        "first": f"{dates.min():%Y-%m-%d}",
        "last": f"{dates.max():%Y-%m-%d}",
        "values": json.loads(fit.path("parameters.json").read_text(encoding="utf-8")),
    }


def green_share(hits: np.ndarray, level: float) -> float | None:
    """Share of the runs of 250 days that are in Basel's green zone; None of fewer days."""
    if len(hits) < _BASEL_DAYS:
        return None
    counts = np.lib.stride_tricks.sliding_window_view(hits, _BASEL_DAYS).sum(axis=1)
    return float(np.mean(stats.binom.cdf(counts, _BASEL_DAYS, 1.0 - level) < _GREEN))


def _outcome(outcome: TestResult | NotRun) -> dict[str, Any]:
    if isinstance(outcome, NotRun):
        return {"name": outcome.name, "why_not_run": outcome.sentence.removeprefix("not run: ")}
    values = outcome.to_dict()
    return values | {"statistic": values["statistic"] if np.isfinite(values["statistic"]) else None}
