"""The traffic light against the Basel Committee's tables."""

from __future__ import annotations

import numpy as np
import pytest

from qfin.errors import ConfigError
from qfin.risk.backtests import traffic_light

CUMULATIVE = (0.0811, 0.2858, 0.5432, 0.7581, 0.8922, 0.9588, 0.9863, 0.9960, 0.9989, 0.9997, 0.9999)
MULTIPLIER_1996 = (3.0, 3.0, 3.0, 3.0, 3.0, 3.4, 3.5, 3.65, 3.75, 3.85, 4.0)
MULTIPLIER_2019 = (1.5, 1.5, 1.5, 1.5, 1.5, 1.7, 1.76, 1.83, 1.88, 1.92, 2.0)
ZONES = ("green",) * 5 + ("yellow",) * 5 + ("red",)


@pytest.mark.parametrize("k", range(11))
def test_the_committees_table(k):
    """Basel Committee 1996, Supervisory framework for the use of backtesting, table 2 (250 days, 99 %); MAR33.44."""
    found = traffic_light(np.arange(250) < k)
    assert found.cumulative == pytest.approx(CUMULATIVE[k], abs=5.1e-5)
    assert (found.zone, found.multiplier, found.multiplier_frtb) == (
        ZONES[k],
        pytest.approx(MULTIPLIER_1996[k]),
        pytest.approx(MULTIPLIER_2019[k]),
    )
    assert found.statistic == k


def test_beyond_the_table_all_is_red():
    found = traffic_light(np.ones(250))
    assert (found.zone, found.multiplier, found.multiplier_frtb) == ("red", 4.0, 2.0)


@pytest.mark.parametrize(("n", "level"), [(500, 0.99), (1000, 0.975), (60, 0.95)])
def test_other_days_and_levels_have_zones_by_probability_and_multipliers_in_order(n, level):
    found = [traffic_light(np.arange(n) < k, level) for k in range(n // 4)]
    for one in found:
        assert one.zone == (
            "green" if one.cumulative < 0.95 else "yellow" if one.cumulative < 0.9999 else "red"
        )
        wanted = {"green": (3.0, 3.0), "yellow": (3.4, 3.85), "red": (4.0, 4.0)}[one.zone]
        assert wanted[0] <= one.multiplier <= wanted[1]
    assert np.all(np.diff([one.multiplier for one in found]) >= 0)
    assert np.all(np.diff([one.p_value for one in found]) <= 0)


def test_overlapping_pnl_has_as_many_hits_but_in_bunches():
    """Simulated here afresh: the share of right models with so many hits or more."""
    rng, counts = np.random.default_rng(11), []
    for _ in range(4000):
        days = np.cumsum(rng.standard_normal(260))
        counts.append(np.sum(days[10:] - days[:-10] < np.sqrt(10) * -2.3263478740408408))
    for k in (1, 6, 15):
        found = traffic_light(np.arange(250) < k, horizon=10)
        assert found.p_value == pytest.approx(np.mean(np.array(counts) >= k), abs=0.025)
        assert found.p_value > traffic_light(np.arange(250) < k).p_value or k == 1
    assert traffic_light(np.arange(250) < 6, horizon=10).zone == "green"
    assert traffic_light(np.arange(250) < 40, horizon=10).zone == "red"
    assert "overlapping 10-day P&L" in found.sentence


def test_what_cannot_be_tested():
    with pytest.raises(ConfigError, match="horizon = 0 is not allowed: a number of days, 1 or more"):
        traffic_light(np.ones(9), horizon=0)
