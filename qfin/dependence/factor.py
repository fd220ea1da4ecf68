"""Many factors brought to a few: a model of the leading principal components inside, a simple one of the rest."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy.special import gammaln, ndtr, ndtri, stdtr, stdtrit

from qfin.dependence._base import DEFAULT_FLOOR, Copula, DensityCopula, Floor, Seed, inside
from qfin.dependence._correlation import positive_definite, shrunk
from qfin.dependence._recalibration import Recalibration
from qfin.errors import ConfigError
from qfin.registry import kind_of

_MARGIN_DRAWS, _FEWEST_DRAWS = 2**18, 2**15  # of up to 16 factors, and of 128 and more
_CHUNKS = 2**12, 2**16  # draws at once, of many factors and of few
_PARTS = 128  # of the unit interval, in which a margin's density is taken as constant
_ROUNDS = 5  # of the t scatter matrix
_NU_FACTORS, _LEAST_NU, _MOST_NU = 40, 2.1, 200.0


class FactorCopula(DensityCopula):
    """Principal components of all factors, any other model on the leading ones.

    With x_k the normal (or Student-t) scores of the factors and Q the eigenvectors of their correlation, y = Q'x. The
    leading components' copula is `model`'s, their margins are Student-t by maximum likelihood, and the rest is

    - "student_t": conditional on the leading ones as in one multivariate t distribution, whose scale grows with them,
      e | y ~ t_{nu+m}(0, lambda (nu + sum y_i^2 / lambda_i) / (nu + m)) (Ding 2016), so that all factors share the bad
      days; a t copula is then contained exactly;
    - "gaussian": independent normal;
    - "bootstrap": the days' own, drawn together. There is no density then.

    The scores' margins under the model are mapped to uniform ones, from the model's own draws. The density is

        c(u) = c_model(F(y)) prod_i f_i(y_i) p(rest | y) / prod_k q(x_k) / prod_k g_k(v_k),

    v = G^{-1}(u) and q the density of the scores: a rotation has determinant 1.

    Parameters
    ----------
    model : kind of this room, mapping with its parameters, or instance, fitted to the leading components
    components : number of leading ones; with as many as factors there is no rest
    residual : of the others, see above
    floor : weight of the independent component mixed in
    random_state : seed of fit and draws

    Attributes
    ----------
    model_ : fitted to the leading components
    explained_ : share of the scores' variance that each leading component explains, shape (components,)
    axes_ : eigenvectors, shape (d, d), the leading ones first
    scales_ : standard deviation along each, shape (d,)
    margins_ : Student-t margins of the leading ones, rows of degrees of freedom, location and scale
    degrees_of_freedom_ : nu of scores and rest; None where scores are normal
    residual_days_ : shape (n, d - components), of "bootstrap"
    recalibration_ : G
    """

    label: ClassVar[str] = "Factor model"

    model_: Copula
    explained_: np.ndarray
    axes_: np.ndarray
    scales_: np.ndarray
    margins_: np.ndarray
    degrees_of_freedom_: float | None
    residual_days_: np.ndarray | None
    recalibration_: Recalibration

    def __init__(
        self,
        model: Any = "born",
        components: Annotated[int, Field(ge=1)] = 4,
        residual: Literal["student_t", "gaussian", "bootstrap"] = "student_t",
        floor: Floor = DEFAULT_FLOOR,
        random_state: Seed = None,
    ) -> None:
        self.model = model
        self.components = components
        self.residual = residual
        self.floor = floor
        self.random_state = random_state

    @property
    def prior_(self) -> DensityCopula | None:
        """The same with the inner model's prior in its place; None where that has none."""
        self._check_fitted()
        prior = getattr(self.model_, "prior_", None)
        if prior is None or self.residual == "bootstrap":
            return None
        other = FactorCopula(self.model, self.components, self.residual, self.floor, self.random_state)
        other.__dict__.update({name: value for name, value in vars(self).items() if name != "model_"})
        other.model_ = prior
        other.recalibration_ = other._own_margins()
        return other

    def details(self) -> dict[str, Any]:
        """What the leading components explain, and the inner model's own words."""
        self._check_fitted()
        d, m, inner = self.n_features_in_, self._leading, self.model_.n_parameters()
        return {
            "model": kind_of(self.model_),
            "components": m,
            "explained": self.explained_.tolist(),
            "explained_share": float(self.explained_.sum()),
            "residual": self.residual if m < d else "none",
            "degrees_of_freedom": self.degrees_of_freedom_,
            "parameters": None if inner is None else inner + d * (d + 1) // 2 + 3 * m,
            "inner": self.model_.details(),
        }

    def warnings(self) -> list[str]:
        """Those of the inner model: the correlation is shrunk, whatever the number of factors."""
        return self.model_.warnings()

    @classmethod
    def min_rows(cls, d: int) -> int:
        """Shrinkage makes days fewer than factors enough."""
        return min(d + 2, 50)

    def _fit(self, U: np.ndarray) -> None:
        from scipy.stats import rankdata

        n, d = U.shape
        m = self._leading
        inner = _inner(self.model, self.random_state)
        normal = ndtri(U)
        correlation = _correlation(normal)
        self.degrees_of_freedom_ = (
            _degrees_of_freedom(U, correlation) if self.residual == "student_t" else None
        )
        scores = self._scores(U)
        if self.degrees_of_freedom_ is not None:
            correlation = _t_correlation(scores, correlation, self.degrees_of_freedom_)
        values, axes = np.linalg.eigh(correlation)
        largest = np.abs(axes).argmax(axis=0)
        axes = axes * np.sign(axes[largest, np.arange(d)])  # LAPACK leaves the sign open
        self.axes_, self.scales_ = axes[:, ::-1].copy(), np.sqrt(values[::-1])
        self.explained_ = values[::-1][:m] / d
        components = scores @ self.axes_
        self.margins_ = np.array([_t_margin(column) for column in components[:, :m].T])
        self.model_ = inner.fit(rankdata(components[:, :m], axis=0) / (n + 1))
        self.residual_days_ = components[:, m:].copy() if self.residual == "bootstrap" else None
        self.recalibration_ = self._own_margins()

    def _own_margins(self) -> Recalibration:
        """The map to uniform margins of the model before it, from its draws, on a grid that crowds to 0 and 1."""
        knots = ndtr(np.linspace(-4.0, 4.0, _PARTS - 1))
        knots = np.concatenate([[0.0], knots, [1.0]])
        counts = np.zeros((self.n_features_in_, len(knots) - 1))
        rng = np.random.default_rng([self.random_state or 0, *b"margins"])
        draws = int(np.clip(2**22 // self.n_features_in_, _FEWEST_DRAWS, _MARGIN_DRAWS))
        chunk = int(np.clip(2**20 // self.n_features_in_, *_CHUNKS))
        for start in range(0, draws, chunk):
            points = self._raw(min(chunk, draws - start), rng)
            for k, column in enumerate(points.T):
                part = np.searchsorted(knots, column, side="right") - 1
                counts[k] += np.bincount(np.minimum(part, len(knots) - 2), minlength=len(knots) - 1)
        # 64 draws of a uniform margin are added, so that no part is empty
        expected = np.diff(knots)
        mass = (counts + 64.0 * expected) / (draws + 64.0)
        return Recalibration.from_density(knots, mass / expected)

    def _raw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws before their margins are made uniform, shape (n, d)."""
        m, d = self._leading, self.n_features_in_
        components = np.empty((n, d))
        nu, location, scale = self.margins_.T
        drawn = inside(self.model_._sample(n, rng))
        components[:, :m] = location + scale * stdtrit(nu, drawn)
        if self.residual_days_ is not None:
            components[:, m:] = self.residual_days_[rng.integers(len(self.residual_days_), size=n)]
        else:
            rest = rng.standard_normal((n, d - m)) * self.scales_[m:]
            if self.degrees_of_freedom_ is not None:
                inflation, freedom = self._inflation(components[:, :m])
                rest *= np.sqrt(inflation * freedom / rng.chisquare(freedom, n))[:, None]
            components[:, m:] = rest
        return inside(self._uniforms(components @ self.axes_.T))

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self.recalibration_.forward(self._raw(n, rng))

    def _log_density(self, U: np.ndarray) -> np.ndarray:
        if not isinstance(self.model_, DensityCopula) or self.residual == "bootstrap":
            raise ConfigError(
                "this factor model has no density, because "
                + (
                    "its residuals are bootstrapped"
                    if self.residual == "bootstrap"
                    else f"{kind_of(self.model_)!r} has none"
                )
            )
        V, log_slope = self.recalibration_.inverse(U)
        scores = self._scores(V)
        components = scores @ self.axes_
        m = self._leading
        leading, rest = components[:, :m], components[:, m:] / self.scales_[m:]
        nu, location, scale = self.margins_.T
        standard = (leading - location) / scale
        log_density = self.model_.score_samples(inside(stdtr(nu, standard)))
        log_density += (_log_t(standard, nu) - np.log(scale)).sum(axis=1)
        squared, free = (rest**2).sum(axis=1), rest.shape[1]
        log_density -= np.log(self.scales_[m:]).sum()
        if self.degrees_of_freedom_ is None:
            log_density -= 0.5 * (squared + free * np.log(2.0 * np.pi))
            log_density += 0.5 * (scores**2 + np.log(2.0 * np.pi)).sum(axis=1)
        else:
            inflation, freedom = self._inflation(leading)
            log_density += gammaln((freedom + free) / 2.0) - gammaln(freedom / 2.0)
            log_density -= 0.5 * free * np.log(np.pi * freedom * inflation)
            log_density -= 0.5 * (freedom + free) * np.log1p(squared / (freedom * inflation))
            log_density -= _log_t(scores, self.degrees_of_freedom_).sum(axis=1)
        return log_density - log_slope

    def _inflation(self, leading: np.ndarray) -> tuple[np.ndarray, float]:
        """Squared scale of the rest given the leading components, shape (n,), and its degrees of freedom."""
        assert self.degrees_of_freedom_ is not None
        m, nu = leading.shape[1], self.degrees_of_freedom_
        distance = ((leading / self.scales_[:m]) ** 2).sum(axis=1)
        return (nu + distance) / (nu + m), nu + m

    def _scores(self, U: np.ndarray) -> np.ndarray:
        return ndtri(U) if self.degrees_of_freedom_ is None else stdtrit(self.degrees_of_freedom_, U)

    def _uniforms(self, scores: np.ndarray) -> np.ndarray:
        return ndtr(scores) if self.degrees_of_freedom_ is None else stdtr(self.degrees_of_freedom_, scores)

    @property
    def _leading(self) -> int:
        return min(self.components, self.n_features_in_)


def _inner(model: Any, random_state: int | None) -> Copula:
    """The unfitted inner model, with the wrapper's seed where it takes one."""
    from sklearn.base import clone

    from qfin.dependence import DEPENDENCE

    built: Copula = clone(model) if isinstance(model, Copula) else DEPENDENCE.build(model)
    if isinstance(built, FactorCopula):
        raise ConfigError("a factor model cannot hold another one; give the model of its components")
    return built.set_params(random_state=random_state)


def _correlation(scores: np.ndarray) -> np.ndarray:
    """Correlation of the scores, shrunk by Ledoit and Wolf (2004): factors may be many."""
    if scores.shape[1] == 1:
        return np.eye(1)
    return positive_definite(shrunk(scores, "ledoit_wolf")[0])[0]


def _t_correlation(scores: np.ndarray, start: np.ndarray, nu: float) -> np.ndarray:
    """Scatter of a multivariate t distribution by its fixed point, scaled to a correlation (Kent and Tyler 1991)."""
    correlation, d = start, scores.shape[1]
    if d == 1:
        return correlation
    for _ in range(_ROUNDS):
        distance = np.einsum("ij,ij->i", scores, np.linalg.solve(correlation, scores.T).T)
        weights = (nu + d) / (nu + distance)
        root = np.sqrt(weights)[:, None]
        correlation = _correlation(scores * root)
    return correlation


def _degrees_of_freedom(U: np.ndarray, correlation: np.ndarray) -> float:
    """Of the t copula with this correlation, by likelihood; of many factors, of as many as 40 spread among them."""
    from scipy.optimize import minimize_scalar

    from qfin.dependence._correlation import squared_distance

    d = U.shape[1]
    if d == 1:
        return _MOST_NU
    some = np.unique(np.linspace(0, d - 1, min(d, _NU_FACTORS)).astype(int))
    U, correlation = U[:, some], correlation[np.ix_(some, some)]

    def loss(reciprocal: float) -> float:
        nu, k = 1.0 / reciprocal, len(some)
        scores = stdtrit(nu, U)
        distance, log_determinant = squared_distance(scores, correlation)
        joint = gammaln((nu + k) / 2) - gammaln(nu / 2) - 0.5 * k * np.log(np.pi * nu) - 0.5 * log_determinant
        joint = joint - 0.5 * (nu + k) * np.log1p(distance / nu)
        return -float(np.mean(joint - _log_t(scores, nu).sum(axis=1)))

    bounds = (1.0 / _MOST_NU, 1.0 / _LEAST_NU)
    return 1.0 / float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4}).x)


def _log_t(x: np.ndarray, nu: np.ndarray | float) -> np.ndarray:
    """Log density of the standard Student-t distribution."""
    constant = gammaln((np.asarray(nu) + 1.0) / 2.0) - gammaln(np.asarray(nu) / 2.0)
    return constant - 0.5 * np.log(np.pi * nu) - 0.5 * (nu + 1.0) * np.log1p(x**2 / nu)


def _t_margin(column: np.ndarray) -> tuple[float, float, float]:
    """Degrees of freedom, location and scale of a Student-t distribution, by maximum likelihood."""
    from scipy.optimize import minimize

    spread = float(column.std())

    def loss(free: np.ndarray) -> float:
        nu, location, scale = 2.05 + np.exp(free[0]), free[1] * spread, spread * np.exp(free[2])
        return -float(np.mean(_log_t((column - location) / scale, nu) - np.log(scale)))

    found = minimize(loss, [1.5, 0.0, -0.2], method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8})
    nu = min(2.05 + float(np.exp(found.x[0])), _MOST_NU)
    return nu, float(found.x[1]) * spread, spread * float(np.exp(found.x[2]))
