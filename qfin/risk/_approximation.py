"""A portfolio valued in closed form and by certified proxies, its worst scenarios in full after that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qfin.errors import DataError
from qfin.risk._arrays import Arrays
from qfin.risk._certificate import RevaluationCertificate, TradeCertificate
from qfin.risk._copies import share_out, shared_array
from qfin.risk._proxy import Rejected, fit_proxy
from qfin.risk._variables import Rows
from qfin.risk._workers import processors

if TYPE_CHECKING:
    from qfin.risk._revaluation import Run

_SAMPLE = 32
_FEWEST = 4 * _SAMPLE
_CLOSED_FORM_SAMPLE = 4
_OUTSIDE = 0.01
_ROWS = 4096
_WORTH_COPIES = 200_000
_SEED = 20_190_412


class Approximation:
    """Values of all trades in their own currencies, shape (n,) or one number for all, and how each was found."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.n = len(run.everywhere)
        self.names = [trade.name for trade in run.portfolio.trades]
        self._own: dict[int, np.ndarray] = {}
        self._found: dict[int, TradeCertificate] = {}
        self._rng = np.random.default_rng(_SEED)
        wanted = run.how.workers or processors()
        self.workers = wanted if self.n * len(self.names) >= _WORTH_COPIES else 1

    def values(self) -> tuple[np.ndarray, RevaluationCertificate]:
        """See `Run.in_scenarios`."""
        run, trades = self.run, range(len(self.names))
        self._closed_forms()
        rest = [k for k in trades if k not in self._own]
        reasons = self._proxies(rest) if rest and self.n >= _FEWEST else {}
        left = [k for k in rest if k not in self._own]
        for k, own in zip(left, run.full(left, run.everywhere), strict=True):
            reason = reasons.get(k, f"there are fewer than {_FEWEST} scenarios")
            self._keep(k, own, TradeCertificate(self.names[k], "full", reason=reason))
        values = self._converted(trades, slice(None))
        done = RevaluationCertificate("proxy", tuple(self._found[k] for k in trades))
        return self._tail(values, done) if done.bound > 0 else (values, done)

    def _keep(self, k: int, own: np.ndarray, certificate: TradeCertificate) -> None:
        self._own[k], self._found[k] = own, certificate

    def _converted(self, trades: Sequence[int], rows: np.ndarray | slice) -> np.ndarray:
        own = [self._own[k][rows] if self._own[k].size > 1 else self._own[k] for k in trades]
        return self.run.converted(trades, own, rows)

    def _closed_forms(self) -> None:
        """Value those trades in closed form that have one with which QuantLib agrees on a sample."""
        chosen = self._agreeing()
        trades = [self.run.portfolio.trades[k] for k in chosen]
        own = shared_array((len(trades), self.n))

        def value(start: int) -> None:
            stop = min(start + _ROWS, self.n)
            arrays = Arrays(self.run.market, self.run.end, Rows(self.run.paths, slice(start, stop)))
            for place, trade in enumerate(trades):
                own[place, start:stop] = trade.closed_form(arrays)

        if trades:
            share_out(value, range(0, self.n, _ROWS), self.workers)
        for place, (k, error) in enumerate(chosen.items()):
            self._fill(k, own[place])
            checked = min(_CLOSED_FORM_SAMPLE, self.n)
            self._keep(k, own[place], TradeCertificate(self.names[k], "closed form", 0.0, 0, checked, error))

    def _fill(self, k: int, own: np.ndarray) -> None:
        """Let QuantLib say what a trade is worth, or why it is worth nothing, where its closed form is no number."""
        rows = np.flatnonzero(~np.isfinite(own))
        if len(rows):
            own[rows] = self.run.full([k], rows)[0]

    def _agreeing(self) -> dict[int, float]:
        """Trades whose closed form QuantLib agrees with on a sample, and the largest difference, base currency."""
        run, rows = self.run, self._some(_CLOSED_FORM_SAMPLE)
        arrays = Arrays(run.market, run.end, Rows(run.paths, rows))
        found = {}
        for k, trade in enumerate(run.portfolio.trades):
            fast = trade.closed_form(arrays)
            if fast is None:
                continue
            valuation = run.valuer.valuation(k)
            exact = valuation.full(valuation.settings(run.paths, rows), rows)
            if valuation.agrees(fast, exact):
                found[k] = float(np.abs((fast - exact) * run.conversion(k, run.paths, rows)).max())
        return found

    def _proxies(self, trades: Sequence[int]) -> dict[int, str]:
        """Value those trades by a proxy that have one; why each of the others has none."""
        run, rejected = self.run, {}
        rows, checks = np.split(self._some(2 * _SAMPLE), 2)
        pilots, exact = run.full(trades, rows), run.full(trades, checks)
        bounds = self._bounds(trades, pilots, rows)

        def fitted(place: int) -> tuple[np.ndarray, int] | Rejected:
            return self._proxy(trades[place], rows, pilots[place], float(bounds[place]))

        for place, found in enumerate(share_out(fitted, range(len(trades)), self.workers)):
            k, bound = trades[place], float(bounds[place])
            if isinstance(found, Rejected):
                rejected[k] = found.reason
                continue
            own, nodes = found
            at = own[checks] if own.size > 1 else own
            error = float(np.abs((at - exact[place]) * run.conversion(k, run.paths, checks)).max())
            if error > bound:
                rejected[k] = (
                    f"in a scenario drawn at random its error was {error:,.3g}, its bound {bound:,.3g}"
                )
            else:
                self._keep(k, own, TradeCertificate(self.names[k], "proxy", bound, nodes, len(checks), error))
        return rejected

    def _bounds(self, trades: Sequence[int], pilots: Sequence[np.ndarray], rows: np.ndarray) -> np.ndarray:
        """Bound of each trade's error in the base currency, shape (len(trades),)."""
        values = self.run.converted(trades, pilots, rows)
        total = values.sum(axis=1) + self._converted(list(self._own), rows).sum(axis=1)
        share = float(total.std()) / len(self.names)
        return self.run.how.tolerance * np.maximum(values.std(axis=0), share)

    def _proxy(
        self, k: int, rows: np.ndarray, exact: np.ndarray, bound: float
    ) -> tuple[np.ndarray, int] | Rejected:
        """Values of a trade by its proxy and the number of nodes; or why it has none.

        Scenarios that lie far out in a variable would stretch the box that nodes have to fill: they are valued in full.
        """
        run, valuation = self.run, self.run.valuer.valuation(k)
        points = valuation.settings(run.paths)
        if not points.size or not np.ptp(points, axis=0).any():
            return exact[:1], 0
        own_bound = bound / float(np.abs(run.conversion(k, run.paths)).max())
        if not own_bound > 0:
            return Rejected(
                "neither it nor the portfolio gains or loses anything that a bound could be part of"
            )
        inside = _central(points)
        held_out = inside[rows]
        try:
            proxy = fit_proxy(
                valuation.full_at,
                points[inside],
                points[rows][held_out],
                exact[held_out],
                own_bound,
                self.n // 4,
            )
        except DataError as error:
            return Rejected(f"it cannot be valued on the whole range of its factors: {error}")
        if isinstance(proxy, Rejected):
            return proxy
        values = np.empty(self.n)
        values[inside] = proxy(points[inside])
        values[~inside] = valuation.full(points[~inside], np.flatnonzero(~inside))
        return values, proxy.nodes + int((~inside).sum())

    def _tail(
        self, values: np.ndarray, certificate: RevaluationCertificate
    ) -> tuple[np.ndarray, RevaluationCertificate]:
        """Value the scenarios with the largest losses in full."""
        run, n = self.run, self.n
        count = math.ceil(run.how.tail * n)
        order = np.argsort(values.sum(axis=1), kind="stable")
        worst = np.sort(order[:count])
        trades = [k for k, c in enumerate(certificate.trades) if c.method == "proxy"]
        exact = run.full(trades, worst)
        values[np.ix_(worst, np.array(trades))] = run.converted(trades, exact, worst)
        total = values.sum(axis=1)
        best_outside = total[order[count:]].min() if count < n else math.inf
        certain = int((total[worst] < best_outside - certificate.bound).sum())
        return values, replace(certificate, tail=count, exact_from=1.0 - certain / n)

    def _some(self, count: int) -> np.ndarray:
        return self._rng.choice(self.n, min(count, self.n), replace=False)


def _central(points: np.ndarray) -> np.ndarray:
    """Which points lie inside in every variable, shape (n,): about all but a hundredth."""
    moving = np.flatnonzero(np.ptp(points, axis=0) > 0)
    each = _OUTSIDE / len(moving) / 2
    low, high = np.quantile(points[:, moving], [each, 1.0 - each], axis=0)
    return np.asarray(((points[:, moving] >= low) & (points[:, moving] <= high)).all(axis=1))
