"""Proper scores of scenarios as a forecast: of all factors together, and of a portfolio's tail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qfin.errors import ConfigError, DataError
from qfin.scenarios._discrepancy import Discrepancy, resampled_weights, resamples
from qfin.scenarios._samples import History, Samples, Scenarios, stream
from qfin.scenarios._set import ScenarioSet

_ROWS = 2_000
_FACTORS = 64


def energy_score(ensemble: np.ndarray, observations: np.ndarray) -> np.ndarray:
    """Energy score of each day, lower is better: shape (days,), in the returns' unit.

    E|X - y| - E|X - X'| / 2 (Gneiting and Raftery 2007, eq. 22), by the estimator that is unbiased for any number of
    scenarios (Ferro 2014).

    Parameters
    ----------
    ensemble : shape (n, d), the same scenarios for every day, or (days, n, d), scenarios of its own for each
    observations : shape (days, d)
    """
    ensemble, observations = _forecast(ensemble, observations)
    if ensemble.ndim == 3:
        from scoringrules import es_ensemble

        return np.asarray(es_ensemble(observations, ensemble, estimator="fair"))
    from sklearn.metrics.pairwise import euclidean_distances

    return euclidean_distances(observations, ensemble).mean(axis=1) - _spread(ensemble) / 2


def variogram_score(ensemble: np.ndarray, observations: np.ndarray, p: float = 0.5) -> np.ndarray:
    """Variogram score of each day, lower is better: shape (days,).

    The sum over ordered pairs of factors of (E|X_i - X_j|^p - |y_i - y_j|^p)^2 (Scheuerer and Hamill 2015): it
    sees errors of dependence that the energy score hardly does.

    Parameters
    ----------
    ensemble : shape (n, d), the same scenarios for every day, or (days, n, d), scenarios of its own for each
    observations : shape (days, d)
    p : order of the variogram
    """
    ensemble, observations = _forecast(ensemble, observations)
    if ensemble.ndim == 3:
        from scoringrules import vs_ensemble

        return np.asarray(vs_ensemble(observations, ensemble, p=p))
    expected = variogram(ensemble, p).mean(axis=0)
    return 2 * np.sum((variogram(observations, p) - expected) ** 2, axis=1)


def variogram(values: np.ndarray, p: float = 0.5) -> np.ndarray:
    """|x_i - x_j|^p of each pair i < j of factors: shape (n, d) to (n, d (d - 1) / 2)."""
    i, j = np.triu_indices(values.shape[1], 1)
    return np.abs(values[:, i] - values[:, j]) ** p


def pinball_score(returns: np.ndarray, var: np.ndarray | float, alpha: float) -> np.ndarray:
    """Pinball score of each day's value at risk, lower is better: shape (days,), in the returns' unit.

    (alpha - 1{y < v}) (y - v) (Gneiting 2011; the tick loss), least in expectation where v is the alpha-quantile.

    Parameters
    ----------
    returns : shape (days,), returns or profits y; negative is a loss
    var : forecast v, the alpha-quantile of the return (minus the value at risk), shape (days,) or one for all days
    alpha : probability of the tail (0.025)
    """
    y, (v,) = _tail_forecast(returns, alpha, var=var)
    return (alpha - (y < v)) * (y - v)


def fz0_score(
    returns: np.ndarray, var: np.ndarray | float, es: np.ndarray | float, alpha: float
) -> np.ndarray:
    """Fissler-Ziegel score FZ0 of each day's value at risk and expected shortfall, lower is better: shape (days,).

    -1{y <= v} (v - y) / (alpha e) + v / e + log(-e) - 1 (Patton, Ziegel and Chen 2019), least in expectation
    where v is the alpha-quantile and e the mean return beyond it; differences don't depend on the returns' unit.

    Parameters
    ----------
    returns : shape (days,), returns or profits y; negative is a loss
    var : forecast v, the alpha-quantile of the return (minus the value at risk), shape (days,) or one for all days
    es : forecast e, the mean return beyond v (minus the expected shortfall), likewise
    alpha : probability of the tail (0.025)

    Raises
    ------
    DataError
        unless e <= v < 0 on every day.
    """
    y, (v, e) = _tail_forecast(returns, alpha, var=var, es=es)
    wrong = (v >= 0) | (e > v)
    if wrong.any():
        day = int(np.argmax(wrong))
        raise DataError(
            f"day {day} has VaR {v[day]:g} and ES {e[day]:g}; FZ0 needs es <= var < 0, returns with losses negative"
        )
    return v / e + np.log(-e) - 1 - np.maximum(v - y, 0.0) / (alpha * e)


def portfolio_var_es(
    scenarios: ScenarioSet | np.ndarray, alpha: float = 0.025, weights: np.ndarray | None = None
) -> tuple[float, float]:
    """Value at risk and expected shortfall of a portfolio's return, as returns: a loss is negative.

    The alpha-quantile v (inverted CDF of the loss) and v - E[(v - y)^+] / alpha (Acerbi and Tasche 2002, proposition
    3.2), of the weighted sum of the factors' returns over the whole horizon.

    Parameters
    ----------
    scenarios : a set, or returns of shape (n, d)
    alpha : probability of the tail
    weights : shape (d,); equal weights 1 / d by default, which mean something where the factors share a unit
    """
    returns = (
        scenarios.horizon_returns() if isinstance(scenarios, ScenarioSet) else np.asarray(scenarios, float)
    )
    if returns.ndim != 2 or not returns.size or not np.isfinite(returns).all():
        raise DataError(
            f"portfolio returns need finite scenarios of shape (n, factors); got shape {returns.shape}"
        )
    d = returns.shape[1]
    weights = np.full(d, 1 / d) if weights is None else np.asarray(weights, dtype=float)
    if weights.shape != (d,):
        raise DataError(f"weights have shape {weights.shape}; wanted ({d},), one a factor")
    _check_alpha(alpha)
    return _var_es(returns @ weights, alpha)


def forecast_scores(
    scenarios: Scenarios, observations: History, alpha: float = 0.025, seed: int = 0
) -> list[Discrepancy]:
    """Mean proper scores of the scenarios' one-day returns as the forecast of every observed day.

    Energy and variogram score of all factors, pinball score and FZ0 of an equally weighted portfolio's VaR and ES; in
    the observations' standard deviations. Floors are scores of resampled days under other resamples of them, so they
    hold what no forecast can know and the chance of which days came; a score is no test, and has no p-value.

    Of more than 2,000 scenarios or days, 2,000 evenly spaced ones give energy and variogram score, the latter of at
    most 64 factors. FZ0 is left out where the portfolio's VaR is no loss, the variogram score where there is one
    factor.

    Parameters
    ----------
    scenarios : a set, or shape (n, d) or (n, h, d)
    observations : shape (days, d), best held-out days
    alpha : probability of the portfolio's tail
    seed : of the floors
    """
    _check_alpha(alpha)
    samples = Samples.of(scenarios, observations).standardised()
    few = samples.thinned(_ROWS)
    rows = [_energy(few, seed)]
    if len(samples.names) > 1:
        rows.append(_variogram(few.columns(_FACTORS), seed))
    drawn, days = samples.scenarios.mean(axis=1), samples.history.mean(axis=1)
    floors = np.array(
        [
            _tail_scores(days[s], days[h], alpha)
            for s, h in resamples(len(days), len(drawn), samples.steps, stream(seed, "portfolio"))
        ]
    )
    for k, score in enumerate((f"portfolio pinball score at {alpha:g}", f"portfolio FZ0 score at {alpha:g}")):
        value, known = _tail_scores(drawn, days, alpha)[k], np.isfinite(floors[:, k])
        if np.isfinite(value) and known.any():
            rows.append(Discrepancy.beside(score, value, floors[known, k]))
    return [replace(row, p_value=None) for row in rows]


def _energy(samples: Samples, seed: int) -> Discrepancy:
    from sklearn.metrics.pairwise import euclidean_distances

    X, Y = samples.scenarios, samples.history
    within = euclidean_distances(Y)
    drawn, past = resampled_weights(len(Y), len(X), samples.steps, stream(seed, "energy score"))
    spread = np.sum(drawn @ within * drawn, axis=1) * len(X) / (len(X) - 1)
    floors = np.sum(drawn @ within * past, axis=1) - spread / 2
    return Discrepancy.beside("energy score", energy_score(X, Y).mean(), floors)


def _variogram(samples: Samples, seed: int) -> Discrepancy:
    X, Y = samples.scenarios, samples.history
    observed = variogram(Y)
    drawn, past = resampled_weights(len(Y), len(X), samples.steps, stream(seed, "variogram score"))
    expected, mean, square = drawn @ observed, past @ observed, past @ observed**2
    floors = 2 * np.sum(expected**2 - 2 * expected * mean + square, axis=1)
    return Discrepancy.beside("variogram score", variogram_score(X, Y).mean(), floors)


def _tail_scores(drawn: np.ndarray, days: np.ndarray, alpha: float) -> tuple[float, float]:
    """Mean pinball and FZ0 score of the days under the scenarios' VaR and ES; FZ0 nan where VaR is no loss."""
    v, e = _var_es(drawn, alpha)
    fz0 = float(fz0_score(days, v, e, alpha).mean()) if v < 0 else np.nan
    return float(pinball_score(days, v, alpha).mean()), fz0


def _var_es(returns: np.ndarray, alpha: float) -> tuple[float, float]:
    v = -np.quantile(-returns, 1.0 - alpha, method="inverted_cdf")
    return float(v), float(v - np.maximum(v - returns, 0.0).mean() / alpha)


def _spread(ensemble: np.ndarray) -> float:
    """Mean distance of two different scenarios."""
    from sklearn.metrics import pairwise_distances_chunked

    n = len(ensemble)
    return float(sum(block.sum() for block in pairwise_distances_chunked(ensemble)) / (n * (n - 1)))


def _forecast(ensemble: np.ndarray, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ensemble, observations = np.asarray(ensemble, dtype=float), np.asarray(observations, dtype=float)
    days, d = observations.shape if observations.ndim == 2 else (0, 0)
    wanted = (days, d) if ensemble.ndim == 3 else (d,)
    got = (*ensemble.shape[:-2], *ensemble.shape[-1:])
    if not days or ensemble.ndim not in (2, 3) or got != wanted or ensemble.shape[-2] < 2:
        raise DataError(
            f"an ensemble of shape {ensemble.shape} cannot forecast observations of shape {observations.shape}; "
            "wanted (scenarios, factors) or (days, scenarios, factors), two scenarios or more, and (days, factors)"
        )
    for what, values in (("ensemble", ensemble), ("observations", observations)):
        if not np.isfinite(values).all():
            place = np.argwhere(~np.isfinite(values))[0].tolist()
            raise DataError(f"{what}: the value at {place} is not finite; drop it or correct it")
    return ensemble, observations


def _tail_forecast(
    returns: np.ndarray, alpha: float, **forecasts: np.ndarray | float
) -> tuple[np.ndarray, list[np.ndarray]]:
    _check_alpha(alpha)
    y = np.asarray(returns, dtype=float)
    if y.ndim != 1 or not len(y):
        raise DataError(f"returns to score have shape {y.shape}; wanted (days,)")
    arrays = {"returns": y} | {name: np.asarray(value, dtype=float) for name, value in forecasts.items()}
    for name, values in arrays.items():
        if values.shape not in ((), y.shape):
            raise DataError(f"{name} has shape {values.shape}; wanted one number or ({len(y)},), one a day")
        if not np.isfinite(values).all():
            raise DataError(
                f"{name} is not finite on day {int(np.argmin(np.isfinite(values)))}; drop or correct it"
            )
    return y, [np.broadcast_to(arrays[name], y.shape) for name in forecasts]


def _check_alpha(alpha: float) -> None:
    if not 0.0 < alpha < 1.0:
        raise ConfigError(f"the tail's probability must be between 0 and 1, not {alpha}")
