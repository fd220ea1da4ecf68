"""ES tests against published critical values and p-values, plain loops, and what they must and must not see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from qfin.errors import DataError
from qfin.risk.backtests import (
    acerbi_szekely_z1,
    acerbi_szekely_z2,
    du_escanciano_conditional,
    du_escanciano_unconditional,
    exceedance_residuals,
)

LEVEL, ALPHA = 0.975, 0.025
VAR = float(stats.norm.ppf(LEVEL))
ES = float(stats.norm.pdf(VAR) / ALPHA)


def flat(n: int, value: float) -> np.ndarray:
    return np.full(n, value)


def student(df: int) -> tuple[float, float]:
    """VaR and ES of Student's t (McNeil, Frey and Embrechts, example 2.15)."""
    q = float(stats.t.ppf(LEVEL, df))
    return q, float(stats.t.pdf(q, df) / ALPHA * (df + q**2) / (df - 1))


def with_z2(n: int, es: float, z2: float) -> np.ndarray:
    """P&L of n days, one loss so large that Z2 is as given."""
    pnl = np.ones(n)
    pnl[n // 2] = -(1 - z2) * n * ALPHA * es
    return pnl


@pytest.mark.parametrize(("df", "critical"), [(100, -0.70), (10, -0.71), (5, -0.74), (3, -0.82)])
def test_z2_has_the_published_critical_values(df, critical):
    """Acerbi and Székely (2014), 5 % critical value of Z2, 250 days, 97.5 %: -.70 for 100 degrees of freedom, lower for
    heavier tails. Just above it the model stands, just below it falls."""
    var, es = student(df)

    def p_value(z2: float) -> float:
        pnl = with_z2(250, es, z2)
        model = lambda rng, n: rng.standard_t(df, (250, n))  # noqa: E731
        return acerbi_szekely_z2(pnl, flat(250, var), flat(250, es), LEVEL, model, draws=10_000).p_value

    assert p_value(critical + 0.06) > 0.05 > p_value(critical - 0.06)


@pytest.mark.parametrize(
    ("draw", "tail", "p_value"),
    [
        (lambda rng, n: rng.standard_normal((1966, n)), (VAR, ES), 0.0054099),
        (lambda rng, n: rng.standard_t(3, (1966, n)), student(3), 0.018566),
    ],
)
def test_matlab_has_the_same_p_values_of_z2(draw, tail, p_value):
    """MathWorks Risk Management Toolbox, documentation of `esbacktest`, `unconditionalNormal` and `unconditionalT`:
    1,966 days, 97.5 %, statistic -.38265; their p-values are read off simulated tables."""
    var, es = tail
    pnl = with_z2(1966, es, -0.38265)
    found = acerbi_szekely_z2(pnl, flat(1966, var), flat(1966, es), LEVEL, draw, draws=6_000)
    assert found.statistic == pytest.approx(-0.38265)
    assert found.p_value == pytest.approx(p_value, abs=4 * np.sqrt(p_value / 6_000))


def test_z1_and_z2_by_hand():
    pnl = np.array([-3.0, 1.0, -2.5, -1.0, -6.0])
    var, es = np.array([2.0, 2.0, 2.0, 2.0, 4.0]), np.array([2.5, 2.5, 2.5, 2.5, 5.0])
    draws = np.random.default_rng(0).standard_normal((5, 50))
    assert acerbi_szekely_z1(pnl, var, es, 0.8, draws).statistic == pytest.approx(
        1 - (3 / 2.5 + 1 + 6 / 5) / 3
    )
    assert acerbi_szekely_z2(pnl, var, es, 0.8, draws).statistic == pytest.approx(
        1 - (3 / 2.5 + 1 + 6 / 5) / (5 * 0.2)
    )


def test_draws_and_a_function_that_draws_say_the_same():
    rng = np.random.default_rng(1)
    pnl = 1.15 * rng.standard_normal(250)
    draws = rng.standard_normal((250, 5_000))
    for test in (acerbi_szekely_z1, acerbi_szekely_z2):
        p = [
            test(pnl, flat(250, VAR), flat(250, ES), LEVEL, simulated, draws=4_000).p_value
            for simulated in (draws, np.sort(draws, axis=1), lambda g, n: g.standard_normal((250, n)))
        ]
        assert p[0] == pytest.approx(p[1], abs=0.04)
        assert p[0] == pytest.approx(p[2], abs=0.04)


def test_shortfall_tests_see_a_low_es_and_not_a_high_one():
    rng = np.random.default_rng(2)
    pnl = rng.standard_normal(1000)
    draws = rng.standard_normal((1000, 500))
    for share, rejected in ((0.8, True), (1.0, False), (1.2, False)):
        var, es = flat(1000, VAR * share), flat(1000, ES * share)
        assert acerbi_szekely_z2(pnl, var, es, LEVEL, share * draws).rejected is rejected
    for es, rejected in ((VAR + 0.2 * (ES - VAR), True), (ES, False), (1.2 * ES, False)):
        tail = (pnl, flat(1000, VAR), flat(1000, es), LEVEL)
        assert exceedance_residuals(*tail).rejected is rejected
    heavy = rng.standard_t(3, 1000)
    assert acerbi_szekely_z1(heavy, flat(1000, VAR), flat(1000, ES), LEVEL, draws).rejected
    assert not acerbi_szekely_z1(pnl, flat(1000, VAR), flat(1000, ES), LEVEL, draws).rejected


def test_z1_does_not_see_how_many_losses_there_are():
    rng = np.random.default_rng(3)
    tail = -(VAR + stats.expon.rvs(scale=ES - VAR, size=1000, random_state=rng))
    few, many = (np.where(rng.random(1000) < p, tail, 1.0) for p in (0.025, 0.1))

    def model(g: np.random.Generator, n: int) -> np.ndarray:
        return np.where(g.random((1000, n)) < 0.025, -VAR - g.exponential(ES - VAR, (1000, n)), 1.0)

    for pnl, z2 in ((few, False), (many, True)):
        arguments = (pnl, flat(1000, VAR), flat(1000, ES), LEVEL, model)
        assert not acerbi_szekely_z1(*arguments, draws=1_000).rejected
        assert acerbi_szekely_z2(*arguments, draws=1_000).rejected is z2


def test_exceedance_residuals_are_a_t_statistic():
    rng = np.random.default_rng(4)
    pnl, scale = rng.standard_t(3, 500), 1 + rng.random(500)
    hits = pnl < -VAR
    expected = stats.ttest_1samp(((-pnl - ES) / scale)[hits], 0, alternative="greater")
    found = exceedance_residuals(pnl, flat(500, VAR), flat(500, ES), LEVEL, scale=scale)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.05)
    assert found.rejected


def test_right_models_are_rejected_at_the_significance():
    rng, runs = np.random.default_rng(5), 200
    draws = rng.standard_normal((250, 400))
    counts = np.zeros(5)
    for _ in range(runs):
        pnl = rng.standard_normal(250)
        tail = (pnl, flat(250, VAR), flat(250, ES), LEVEL)
        pit = stats.norm.cdf(pnl)
        counts += [
            acerbi_szekely_z1(*tail, draws, draws=400).rejected,
            acerbi_szekely_z2(*tail, draws, draws=400).rejected,
            exceedance_residuals(*tail).rejected,
            du_escanciano_unconditional(pit, LEVEL).rejected,
            du_escanciano_conditional(pit, LEVEL).rejected,
        ]
    assert np.all(counts / runs < 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / runs))
    assert np.all(counts / runs > 0.005)


def test_du_escanciano_by_plain_loops():
    u = np.random.default_rng(6).random(300) ** 1.2
    h = [max(0.1 - x, 0) / 0.1 for x in u]
    mean = np.sqrt(300) * (np.mean(h) - 0.05) / np.sqrt(0.1 * (1 / 3 - 0.1 / 4))
    assert du_escanciano_unconditional(u, 0.9).statistic == pytest.approx(mean)
    gamma = [sum((h[t] - 0.05) * (h[t - j] - 0.05) for t in range(j, 300)) / (300 - j) for j in range(4)]
    memory = 300 * sum((gamma[j] / gamma[0]) ** 2 for j in (1, 2, 3))
    found = du_escanciano_conditional(u, 0.9, lags=3)
    assert found.statistic == pytest.approx(memory)
    assert found.p_value == pytest.approx(stats.chi2.sf(memory, 3))


def test_du_escanciano_sees_depth_and_memory_and_each_only_its_own():
    rng = np.random.default_rng(7)
    deep = stats.norm.cdf(1.3 * rng.standard_normal(1000))
    assert du_escanciano_unconditional(deep, LEVEL).rejected
    assert "too light" in du_escanciano_unconditional(deep, LEVEL).sentence
    shallow = stats.norm.cdf(0.6 * rng.standard_normal(1000))
    assert "too heavy" in du_escanciano_unconditional(shallow, LEVEL).sentence
    uniform = (np.arange(1000) + 0.5) / 1000
    assert du_escanciano_conditional(uniform, LEVEL).rejected
    assert not du_escanciano_unconditional(uniform, LEVEL).rejected
    assert not du_escanciano_conditional(rng.permutation(uniform), LEVEL).rejected


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("pnl", "rejected"), [(1.0, (False,) * 3), (-9.0, (True, True, False))])
def test_no_hits_and_nothing_but_hits_are_defined(pnl, rejected):
    tail = (flat(60, pnl), flat(60, VAR), flat(60, ES), LEVEL)
    draws = np.random.default_rng(8).standard_normal((60, 500))
    found = (
        acerbi_szekely_z1(*tail, draws),
        acerbi_szekely_z2(*tail, draws),
        exceedance_residuals(*tail),
    )
    assert tuple(one.rejected for one in found) == rejected
    assert np.isfinite([one.statistic for one in found]).all()
    for u in (0.5, 0.001):
        assert du_escanciano_unconditional(flat(60, u), LEVEL).rejected == (u == 0.001)
        assert np.isfinite(du_escanciano_conditional(flat(60, u), LEVEL).statistic)


def test_what_cannot_be_tested():
    good = (np.ones(30), flat(30, 1.0), flat(30, 2.0), LEVEL)
    with pytest.raises(DataError, match=r"var has shape \(29,\); wanted \(30,\)"):
        exceedance_residuals(np.ones(30), np.ones(29), flat(30, 2.0), LEVEL)
    with pytest.raises(
        DataError, match="VaR is 1 and ES 0.5 on day 0; wanted 0 < VaR <= ES, losses positive"
    ):
        exceedance_residuals(np.ones(30), np.ones(30), flat(30, 0.5), LEVEL)
    with pytest.raises(DataError, match="pnl is missing or not finite on day 3; drop the day or correct it"):
        exceedance_residuals(np.where(np.arange(30) == 3, np.nan, 1.0), *good[1:])
    with pytest.raises(DataError, match=r"simulated has shape \(29, 5\); wanted \(30, columns\)"):
        acerbi_szekely_z2(*good, np.ones((29, 5)))
    with pytest.raises(DataError, match="simulated returned 2 series; asked for 100"):
        acerbi_szekely_z1(*good, lambda rng, n: np.ones((30, 2)), draws=100)
    with pytest.raises(DataError, match="Du-Escanciano unconditional needs at least 20 days; there are 19"):
        du_escanciano_unconditional(flat(19, 0.5), LEVEL)
    with pytest.raises(DataError, match="Du-Escanciano conditional needs at least 25 days; there are 24"):
        du_escanciano_conditional(flat(24, 0.5), LEVEL)
    with pytest.raises(DataError, match=r"pit is 1 on day 0; wanted a value inside \(0, 1\)"):
        du_escanciano_unconditional(flat(30, 1.0), LEVEL)
