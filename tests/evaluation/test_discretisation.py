"""What a grid alone costs: laws, and cell probabilities against scipy's rectangles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import stdtr

from qfin.dependence import GaussianCopula, StudentTCopula
from qfin.errors import ConfigError, DataError
from qfin.evaluation import discretisation_cost
from qfin.evaluation._discretisation import _DRAWS, _POINTS, _figures, cell_density
from qfin.quantum import Grid

RHO, NU = 0.6, 4.0
CORRELATION = np.array([[1.0, RHO], [RHO, 1.0]])


def _days(n: int, d: int = 2, seed: int = 0) -> np.ndarray:
    correlation = np.full((d, d), RHO) + (1 - RHO) * np.eye(d)
    x = stats.multivariate_t(np.zeros(d), correlation, df=NU, seed=seed).rvs(n)
    return stats.t.cdf(x, NU)


@pytest.fixture(scope="module", autouse=True)
def fine() -> Iterator[None]:
    """As many draws and points as users get, which are those at the time of import."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qfin.evaluation._discretisation._DRAWS", _DRAWS)
        patch.setattr("qfin.evaluation._discretisation._POINTS", _POINTS)
        yield


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return discretisation_cost(_days(1000), _days(500, seed=1), bits=(2, 3, 4, 5, 8))


def _gaussian_cells(edges: np.ndarray) -> np.ndarray:
    """Probability of each cell, by scipy's bivariate normal distribution function at its corners."""
    z = np.clip(stats.norm.ppf(edges), -40, 40)
    cdf = stats.multivariate_normal(np.zeros(2), CORRELATION).cdf(np.stack(np.meshgrid(z, z), axis=-1))
    return np.diff(np.diff(cdf, axis=0), axis=1)


def _t_cells(edges: np.ndarray) -> np.ndarray:
    """The same of the t copula: the second factor given the first is a t with one more degree of freedom.

    By adaptive quadrature, because scipy's multivariate t distribution function is itself a simulation.
    """
    x = stats.t.ppf(edges, NU)

    def mass(first: float, low: float, high: float) -> float:
        scale = np.sqrt((1 - RHO**2) * (NU + first**2) / (NU + 1))
        return (
            stats.t.pdf(first, NU) * np.diff(stdtr(NU + 1, (np.array([low, high]) - RHO * first) / scale))[0]
        )

    n = len(edges) - 1
    return np.array([[quad(mass, x[i], x[i + 1], (x[j], x[j + 1]))[0] for j in range(n)] for i in range(n)])


@pytest.mark.parametrize(
    ("model", "rectangles"), [(GaussianCopula(floor=0), _gaussian_cells), (StudentTCopula(floor=0), _t_cells)]
)
def test_cell_probabilities_are_scipy_s_rectangles(model, rectangles):
    """Every cell of a 3-bit grid, corners included."""
    model.fit(_days(200))
    model.correlation_, model.degrees_of_freedom_ = CORRELATION, NU
    edges = Grid(3, 1).edges
    i, j = (index.ravel() for index in np.indices((8, 8)))
    lower, upper = np.column_stack([edges[i], edges[j]]), np.column_stack([edges[i + 1], edges[j + 1]])
    seen = cell_density(model, lower, upper, seed=0) * np.prod(upper - lower, axis=1)
    np.testing.assert_allclose(seen.reshape(8, 8), rectangles(edges), rtol=0.01, atol=1e-6)
    assert seen.sum() == pytest.approx(1.0, abs=1e-3)


def test_every_row_has_the_artifact_s_columns(rows):
    wanted = [
        "bits",
        "held_out_exact",
        "held_out_cells",
        "cost",
        "correlation_error",
        "tail_dependence_exact",
    ]
    wanted += ["tail_dependence_cells", "var_99_exact", "var_99_cells"]
    assert [list(row) for row in rows] == [wanted] * 5
    assert all(isinstance(value, int | float) for row in rows for value in row.values())
    assert [row["bits"] for row in rows] == [2, 3, 4, 5, 8]


def test_the_cost_falls_with_every_bit_and_vanishes(rows):
    cost = [row["cost"] for row in rows]
    error = [row["correlation_error"] for row in rows]
    assert cost == sorted(cost, reverse=True)
    assert error == sorted(error, reverse=True)
    assert cost[0] > 0.01 > 0.001 > abs(cost[-1])
    assert error[0] > 0.01 > 0.001 > error[-1]
    for figure, tolerance in {"tail_dependence": 0.005, "var_99": 0.01}.items():
        gap = [abs(row[f"{figure}_cells"] - row[f"{figure}_exact"]) for row in rows]
        assert gap[-1] < tolerance
        assert gap[0] > gap[-1]


def test_cost_is_exact_less_cells_and_exact_is_the_copula_s_own(rows):
    exact = StudentTCopula().fit(_days(1000)).score(_days(500, seed=1))
    for row in rows:
        assert row["held_out_exact"] == exact
        assert row["cost"] == pytest.approx(row["held_out_exact"] - row["held_out_cells"])


def test_figures_are_the_textbook_s():
    """Of independent factors: no correlation, tail dependence q, and the VaR of a mean of two normals."""
    correlation, tail, value_at_risk = _figures(np.random.default_rng(0).random((400_000, 2)))
    assert correlation[0] == pytest.approx(0.0, abs=0.006)
    assert tail == pytest.approx(0.05, abs=0.003)
    assert value_at_risk == pytest.approx(stats.norm.ppf(0.99) / np.sqrt(2), abs=0.01)
    crash = np.repeat(np.random.default_rng(0).random((100_000, 1)) ** 2, 3, axis=1)  # losses, all together
    correlation, tail, value_at_risk = _figures(crash)
    np.testing.assert_allclose(correlation, 1.0)
    assert tail == pytest.approx(np.sqrt(0.05) / 0.05, rel=0.02)
    assert value_at_risk == pytest.approx(-stats.norm.ppf(0.01**2), abs=0.1)


def test_the_same_seed_gives_the_same_table():
    days = _days(200)
    first, again = (
        discretisation_cost(days, days, (2,), seed=3),
        discretisation_cost(days, days, (2,), seed=3),
    )
    assert first == again
    assert first != discretisation_cost(days, days, (2,), seed=4)


def test_tail_refined_bins_keep_more_of_the_tail_than_equal_ones():
    refined = discretisation_cost(_days(1000), _days(500, seed=1), (3,), bins="tail_refined")[0]
    equal = discretisation_cost(_days(1000), _days(500, seed=1), (3,), bins="equal_probability")[0]
    assert refined["cost"] < equal["cost"]
    assert refined["correlation_error"] < equal["correlation_error"]


def test_many_factors_need_no_more_than_64_bits():
    row = discretisation_cost(_days(300, d=14), _days(10, d=14, seed=1), (5,))[0]
    assert np.isfinite(list(row.values())).all()


def test_one_factor_and_a_misspelt_kind_are_refused():
    with pytest.raises(DataError, match="dependence on a grid needs at least two factors"):
        discretisation_cost(_days(100)[:, :1], _days(50)[:, :1])
    with pytest.raises(ConfigError, match="tail_refind"):
        discretisation_cost(_days(100), _days(50), bins="tail_refind")
