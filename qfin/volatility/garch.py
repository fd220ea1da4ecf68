"""GARCH(1,1) and GJR-GARCH(1,1,1)."""

from __future__ import annotations

import warnings
from typing import Any, Literal, Self

import numpy as np

from qfin.errors import DataError
from qfin.registry import check_estimator
from qfin.volatility._checks import check_history
from qfin.volatility._recursion import RecursiveFilter, backcast

_MIN_ROWS = 250
# alpha, gamma, beta to start from where the optimiser gives up on arch's own choice
_STARTS = ((0.05, 0.05, 0.90), (0.02, 0.10, 0.88), (0.03, 0.0, 0.965), (0.10, 0.0, 0.80), (0.20, 0.05, 0.50))
_START_DEGREES_OF_FREEDOM = 8.0


class Garch(RecursiveFilter):
    """GARCH(1,1) of each factor by maximum likelihood; GJR where falls may raise volatility more than rises.

    Bollerslev (1986); Glosten, Jagannathan and Runkle (1993); innovations normal or Student t with variance 1
    (Bollerslev 1987), estimated by the package `arch`, which keeps alpha + gamma/2 + beta at 1 or below. A fit on
    that boundary (integrated GARCH: a shock to variance never dies out) is kept; its forecasts grow linearly.

    Parameters
    ----------
    asymmetric : add gamma e^2 on days of a fall (GJR)
    distribution : of the innovations, for the estimation only; scenarios draw them from the marginals
    mean : constant mean return, or none

    Attributes
    ----------
    degrees_of_freedom_ : shape (d,), of the Student t; infinite for the normal
    see `RecursiveFilter` for the others
    """

    degrees_of_freedom_: np.ndarray

    def __init__(
        self,
        asymmetric: bool = False,
        distribution: Literal["normal", "t"] = "t",
        mean: Literal["constant", "zero"] = "constant",
    ) -> None:
        self.asymmetric = asymmetric
        self.distribution = distribution
        self.mean = mean

    def fit(self, returns: np.ndarray) -> Self:
        """Estimate each factor alone, and keep its variance at the end of the history.

        250 days is the least; below 500 the persistence is biased low (Hwang and Valls Pereira 2006).

        Raises
        ------
        DataError
            if there are fewer than 250 days, a column is constant or not finite, or the optimiser finds no maximum
            of its likelihood from any of several starting points.
        """
        check_estimator(self)
        returns = check_history(returns, _MIN_ROWS, "Garch")
        # in units of its own deviation, basis points are as well conditioned as log returns; and each series
        # lies alone in memory, so that no factor's last digits depend on which others there are
        columns = np.ascontiguousarray(returns.T)
        unit = columns.std(axis=1)
        fits = [self._estimate(series, k) for k, series in enumerate(columns / unit[:, None])]
        self.mean_ = unit * [fit.get("mu", 0.0) for fit in fits]
        self.omega_ = unit**2 * [fit["omega"] for fit in fits]
        self.alpha_ = np.array([fit["alpha[1]"] for fit in fits])
        self.gamma_ = np.array([fit.get("gamma[1]", 0.0) for fit in fits])
        self.beta_ = np.array([fit["beta[1]"] for fit in fits])
        self.degrees_of_freedom_ = np.array([fit.get("nu", np.inf) for fit in fits])
        self.backcast_ = backcast(returns - columns.mean(axis=1) if self.mean == "constant" else returns)
        self._start(returns)
        return self

    def _estimate(self, series: np.ndarray, column: int) -> dict[str, float]:
        """Parameters by arch's names, of a series with standard deviation 1."""
        model = self._model(series)
        reason = ""
        for start in (None, *(self._starting_values(series, *start) for start in _STARTS)):
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore"
                )  # overflows on the way to the maximum, and what the flag says too
                result = model.fit(disp="off", show_warning=False, starting_values=start)
            parameters: dict[str, float] = result.params.to_dict()
            if result.convergence_flag == 0 and np.isfinite(list(parameters.values())).all():
                return _within_bounds(parameters)
            reason = result.optimization_result.message
        raise DataError(
            f"Garch finds no maximum of the likelihood of column {column} of the returns ({reason}); "
            "filter with 'ewma', or drop that factor"
        )

    def _model(self, series: np.ndarray) -> Any:
        from arch import univariate  # takes half a second: only those who fit pay it

        mean = {"constant": univariate.ConstantMean, "zero": univariate.ZeroMean}[self.mean]
        distribution = {"normal": univariate.Normal, "t": univariate.StudentsT}[self.distribution]
        process = univariate.GARCH(p=1, o=int(self.asymmetric), q=1)
        return mean(series, volatility=process, distribution=distribution(), rescale=False)

    def _starting_values(self, series: np.ndarray, alpha: float, gamma: float, beta: float) -> np.ndarray:
        gammas = [gamma] if self.asymmetric else []
        means = [series.mean()] if self.mean == "constant" else []
        degrees = [_START_DEGREES_OF_FREEDOM] if self.distribution == "t" else []
        return np.array([*means, 1.0 - alpha - beta - sum(gammas) / 2, alpha, *gammas, beta, *degrees])


def _within_bounds(parameters: dict[str, float]) -> dict[str, float]:
    """Parameters with alpha + gamma / 2 + beta at most 1, which the optimiser holds to its tolerance of 1e-6 only."""
    weights = {"alpha[1]": 1.0, "gamma[1]": 0.5, "beta[1]": 1.0}
    persistence = sum(weight * parameters.get(name, 0.0) for name, weight in weights.items())
    if persistence <= 1.0:
        return parameters
    return parameters | {name: parameters[name] / persistence for name in weights if name in parameters}
