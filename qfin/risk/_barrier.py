"""Barrier options in closed form, over arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr

Number = float | np.ndarray


def barrier_value(
    kind: str,
    sign: int,
    spot: np.ndarray,
    strike: float,
    barrier: float,
    rebate: float,
    growth: Number,
    discount: Number,
    deviation: Number,
) -> np.ndarray:
    """Value of an option whose barrier is not touched yet (Reiner and Rubinstein 1991; Haug 2007, table 4-13).

    Parameters
    ----------
    kind : "down_in", "down_out", "up_in", "up_out"
    sign : 1 for a call, -1 for a put
    growth, discount : discount factors of the carry and of money up to expiry
    deviation : volatility times the square root of the time to expiry
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        terms = _Terms(spot, strike, barrier, rebate, growth, discount, deviation)
        return np.asarray(_FORMULAS[kind, sign, strike >= barrier](terms))


class _Terms:
    """The letters of Haug's table. p is +1 for a call's and -1 for a put's terms, e is +1 for a barrier below the spot
    and -1 for one above."""

    def __init__(
        self, spot: np.ndarray, strike: float, barrier: float, rebate: float, growth: Number, discount: Number,
        deviation: Number,
    ) -> None:  # fmt: skip
        self.spot, self.strike, self.barrier, self.rebate = spot, strike, barrier, rebate
        self.growth, self.discount, self.deviation = growth, discount, deviation
        variance = deviation**2
        self.drift = np.log(growth / discount) / variance - 0.5
        self.shift = (1.0 + self.drift) * deviation
        self.ratio = barrier / spot
        self.root = np.sqrt(self.drift**2 - 2.0 * np.log(discount) / variance)

    def A(self, p: int) -> np.ndarray:
        return self._direct(p, np.log(self.spot / self.strike) / self.deviation + self.shift)

    def B(self, p: int) -> np.ndarray:
        return self._direct(p, np.log(self.spot / self.barrier) / self.deviation + self.shift)

    def C(self, e: int, p: int) -> np.ndarray:
        at = np.log(self.barrier * self.ratio / self.strike) / self.deviation + self.shift
        return self._reflected(e, p, at)

    def D(self, e: int, p: int) -> np.ndarray:
        return self._reflected(e, p, np.log(self.ratio) / self.deviation + self.shift)

    def E(self, e: int) -> np.ndarray | float:
        if not self.rebate:
            return 0.0
        far = np.log(1.0 / self.ratio) / self.deviation + self.shift - self.deviation
        near = np.log(self.ratio) / self.deviation + self.shift - self.deviation
        return self.rebate * self.discount * (ndtr(e * far) - self.ratio ** (2 * self.drift) * ndtr(e * near))

    def F(self, e: int) -> np.ndarray | float:
        if not self.rebate:
            return 0.0
        at = np.log(self.ratio) / self.deviation + self.root * self.deviation
        up = self.ratio ** (self.drift + self.root) * ndtr(e * at)
        down = self.ratio ** (self.drift - self.root) * ndtr(e * (at - 2.0 * self.root * self.deviation))
        return self.rebate * (up + down)

    def _direct(self, p: int, at: np.ndarray) -> np.ndarray:
        held = self.spot * self.growth * ndtr(p * at)
        return np.asarray(p * (held - self.strike * self.discount * ndtr(p * (at - self.deviation))))

    def _reflected(self, e: int, p: int, at: np.ndarray) -> np.ndarray:
        power = self.ratio ** (2 * self.drift)
        held, owed = ndtr(e * at), ndtr(e * (at - self.deviation))
        first = np.where(held == 0.0, 0.0, self.spot * self.growth * power * self.ratio**2 * held)
        second = np.where(owed == 0.0, 0.0, self.strike * self.discount * power * owed)
        return np.asarray(p * (first - second))


_FORMULAS: dict[tuple[str, int, bool], Callable[[_Terms], np.ndarray | float]] = {
    ("down_in", 1, True): lambda t: t.C(1, 1) + t.E(1),
    ("down_in", 1, False): lambda t: t.A(1) - t.B(1) + t.D(1, 1) + t.E(1),
    ("up_in", 1, True): lambda t: t.A(1) + t.E(-1),
    ("up_in", 1, False): lambda t: t.B(1) - t.C(-1, 1) + t.D(-1, 1) + t.E(-1),
    ("down_out", 1, True): lambda t: t.A(1) - t.C(1, 1) + t.F(1),
    ("down_out", 1, False): lambda t: t.B(1) - t.D(1, 1) + t.F(1),
    ("up_out", 1, True): lambda t: t.F(-1),
    ("up_out", 1, False): lambda t: t.A(1) - t.B(1) + t.C(-1, 1) - t.D(-1, 1) + t.F(-1),
    ("down_in", -1, True): lambda t: t.B(-1) - t.C(1, -1) + t.D(1, -1) + t.E(1),
    ("down_in", -1, False): lambda t: t.A(-1) + t.E(1),
    ("up_in", -1, True): lambda t: t.A(-1) - t.B(-1) + t.D(-1, -1) + t.E(-1),
    ("up_in", -1, False): lambda t: t.C(-1, -1) + t.E(-1),
    ("down_out", -1, True): lambda t: t.A(-1) - t.B(-1) + t.C(1, -1) - t.D(1, -1) + t.F(1),
    ("down_out", -1, False): lambda t: t.F(1),
    ("up_out", -1, True): lambda t: t.B(-1) - t.D(-1, -1) + t.F(-1),
    ("up_out", -1, False): lambda t: t.A(-1) - t.C(-1, -1) + t.F(-1),
}
