"""Error budgets of VaR and ES: what each stage between history and figure may have moved them by.

Every error is found by doing that stage again in another way and revaluing the portfolio, so it is in the figure's own
unit. What random numbers both ways share, they share here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.risk import (
    ErrorBudget,
    ErrorSource,
    Figures,
    MeasureName,
    PnL,
    Portfolio,
    Revaluation,
    expected_shortfall,
    expected_shortfall_interval,
    revalue,
    standard_error,
    value_at_risk,
    value_at_risk_interval,
)
from qfin.risk import resampled as resampled_figures
from qfin.scenarios import ScenarioSet

if TYPE_CHECKING:
    from qfin.market import ReturnsFrame
    from qfin.model import ScenarioModel

_RESAMPLES = 200
_FIGURE: Mapping[MeasureName, Callable[..., float]] = {"VaR": value_at_risk, "ES": expected_shortfall}


@dataclass(frozen=True, eq=False)
class Budgets:
    """What the budgets of one portfolio over one scenario set are made from.

    Attributes
    ----------
    model : that the scenarios were drawn from
    history : up to the as-of date, held-out days included
    portfolio, scenarios, pnl, how : what the figures are of, and how it was valued
    figures : which figures
    seed : that the scenarios were drawn with
    """

    model: ScenarioModel
    history: ReturnsFrame
    portfolio: Portfolio
    scenarios: ScenarioSet
    pnl: PnL
    how: Revaluation
    figures: Figures
    seed: int

    def budgets(self) -> list[dict[str, Any]]:
        """The budgets of VaR and ES as JSON values."""
        wanted: tuple[tuple[MeasureName, float], ...] = (
            ("VaR", self.figures.var_level),
            ("ES", self.figures.es_level),
        )
        return [self._budget(measure, level).to_dict() for measure, level in wanted]

    def _budget(self, measure: MeasureName, level: float) -> ErrorBudget:
        def figure(losses: np.ndarray) -> float:
            return _FIGURE[measure](losses, level)

        sampling = self._finite_scenarios(measure, level)
        sources = (
            self._discretisation(figure),
            self._model_fit(figure),
            self._finite_shots(sampling),
            self._device_noise(figure, sampling),
            sampling,
            self._proxy(level),
        )
        return ErrorBudget(measure, level, figure(self.pnl.losses), sources, self.figures.confidence)

    def _finite_scenarios(self, measure: MeasureName, level: float) -> ErrorSource:
        losses, confidence = self.pnl.losses, self.figures.confidence
        if measure == "ES":
            ends, method = (
                expected_shortfall_interval(losses, level, confidence),
                "bootstrap of the scenarios",
            )
        else:
            ends, method = value_at_risk_interval(losses, level, confidence), "order statistics"
            if math.isinf(sum(ends)):
                ends = value_at_risk_interval(losses, level, confidence, "bootstrap")
                method = "bootstrap of the scenarios"
        return ErrorSource(
            "finite scenarios", standard_error(*ends, confidence), f"{method}, {len(losses):,} draws"
        )

    def _discretisation(self, figure: Callable[[np.ndarray], float]) -> ErrorSource:
        if self._blurred is None:
            return ErrorSource("discretisation", 0.0, "the model has no grid")
        error = abs(figure(self._blurred) - figure(self._exact))
        bits = self.model.dependence.bits
        return ErrorSource(
            "discretisation",
            error,
            f"scenarios moved to a place in their cell of {bits} bits that is drawn anew, uniform and independent",
        )

    def _model_fit(self, figure: Callable[[np.ndarray], float]) -> ErrorSource:
        block = max(self.scenarios.horizon, math.ceil(len(self._past) ** (1 / 3)))
        found = resampled_figures(self._past, lambda x, _: figure(x), block=block, resamples=_RESAMPLES)
        method = f"filtered historical simulation of {len(self._past):,} days, bootstrap of blocks of {block}"
        return ErrorSource("model fit", float(found.std(ddof=1)), method)

    def _finite_shots(self, sampling: ErrorSource) -> ErrorSource:
        overhead = float(self.scenarios.lineage.get("variance_overhead", 1.0))
        if not self._on_device:
            return ErrorSource("finite shots", 0.0, "drawn from exact probabilities")
        return ErrorSource(
            "finite shots",
            sampling.error * math.sqrt(max(overhead - 1.0, 0.0)),
            f"a shot a scenario: what mitigation adds to its variance, {overhead:.3g} times in all",
        )

    def _device_noise(self, figure: Callable[[np.ndarray], float], sampling: ErrorSource) -> ErrorSource:
        if not self._on_device:
            return ErrorSource("device noise", 0.0, "no device took part")
        apart = figure(self.pnl.losses) - figure(self._exact)
        error = math.sqrt(max(apart**2 - 2 * sampling.error**2, 0.0))
        return ErrorSource("device noise", error, "distance from exact draws, both sampling errors taken out")

    def _proxy(self, level: float) -> ErrorSource:
        certificate = self.pnl.certificate
        if certificate is None or certificate.bound == 0:
            return ErrorSource("proxy prices", 0.0, "every price is exact", bound=True)
        if level >= certificate.exact_from:
            return ErrorSource("proxy prices", 0.0, "the tail was valued in full", bound=True)
        return ErrorSource("proxy prices", certificate.bound, "certified bound of the portfolio", bound=True)

    @property
    def _on_device(self) -> bool:
        return "certificate" in self.scenarios.lineage

    @cached_property
    def _uniforms(self) -> np.ndarray:
        n, h, _ = self.scenarios.returns.shape
        return self.model.dependence.sample(n * h, self.seed)

    @cached_property
    def _exact(self) -> np.ndarray:
        """Losses of draws from the model's exact probabilities."""
        return self._losses_of(self._uniforms) if self._on_device else self.pnl.losses

    @cached_property
    def _blurred(self) -> np.ndarray | None:
        """Losses of the same draws with the place in each cell drawn anew; None without cells."""
        from qfin.quantum import BINS

        copula: Any = self.model.dependence
        if not (hasattr(copula, "bits") and hasattr(copula, "bins")):
            return None
        edges = BINS.build(copula.bins).edges(copula.bits)
        u = self._uniforms
        cells = np.searchsorted(edges[1:-1], u, side="right")
        place = np.random.default_rng([self.seed, *b"place"]).random(u.shape)
        moved = edges[cells] + place * (edges[cells + 1] - edges[cells])
        tiny = np.finfo(float).tiny
        return self._losses_of(np.clip(moved, tiny, 1.0 - np.finfo(float).epsneg))

    @cached_property
    def _past(self) -> np.ndarray:
        """Losses of filtered historical simulation: the history's own innovations with today's volatility."""
        innovations = self.model.volatility.filter(self.history.values)
        windows = np.lib.stride_tricks.sliding_window_view(innovations, self.scenarios.horizon, axis=0)
        return self._losses(self.model.volatility.simulate(np.swapaxes(windows, 1, 2)))

    def _losses_of(self, uniforms: np.ndarray) -> np.ndarray:
        innovations = self.model.marginals.ppf(uniforms).reshape(self.scenarios.returns.shape)
        return self._losses(self.model.volatility.simulate(innovations))

    def _losses(self, returns: np.ndarray) -> np.ndarray:
        quick = replace(self.how, method="proxy")
        return revalue(self.portfolio, replace(self.scenarios, returns=returns), quick).losses
