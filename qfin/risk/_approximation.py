"""A portfolio valued in closed form and by certified proxies, its worst scenarios in full after that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qfin.errors import DataError
from qfin.risk._certificate import RevaluationCertificate, TradeCertificate
from qfin.risk._proxy import Rejected, fit_proxy

if TYPE_CHECKING:
    from qfin.risk._revaluation import Run

_SAMPLE = 32
_FEWEST = 4 * _SAMPLE
_CLOSED_FORM_SAMPLE = 4
_SEED = 20_190_412


class Approximation:
    """Values of all trades in their own currencies, shape (n,) or one number for all, and how each was found."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.names = [trade.name for trade in run.portfolio.trades]
        self._own: dict[int, np.ndarray] = {}
        self._found: dict[int, TradeCertificate] = {}
        self._rng = np.random.default_rng(_SEED)

    def values(self) -> tuple[np.ndarray, RevaluationCertificate]:
        """See `Run.in_scenarios`."""
        run, trades = self.run, range(len(self.names))
        for k in trades:
            self._closed_form(k)
        rest = [k for k in trades if k not in self._own]
        reasons = self._proxies(rest) if rest and len(run.everywhere) >= _FEWEST else {}
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

    def _closed_form(self, k: int) -> None:
        """Value a trade in closed form, if it has one and QuantLib agrees on a sample."""
        run = self.run
        valuation = run.valuer.valuation(k)
        own = valuation.closed_form(run.paths)
        if own is None:
            return
        own, rows = np.atleast_1d(own), self._some(_CLOSED_FORM_SAMPLE)
        exact = valuation.full(valuation.columns(run.paths, rows), rows)
        sample = own[rows] if own.size > 1 else own
        if valuation.agrees(sample, exact):
            error = np.abs((sample - exact) * run.conversion(k, run.paths, rows)).max()
            checked = TradeCertificate(self.names[k], "closed form", 0.0, 0, len(rows), float(error))
            self._keep(k, own, checked)

    def _proxies(self, trades: Sequence[int]) -> dict[int, str]:
        """Value those trades by a proxy that have one; why each of the others has none."""
        run, rejected = self.run, {}
        rows, checks = np.split(self._some(2 * _SAMPLE), 2)
        pilots, exact = run.full(trades, rows), run.full(trades, checks)
        for k, bound, pilot, check in zip(
            trades, self._bounds(trades, pilots, rows), pilots, exact, strict=True
        ):
            found = self._proxy(k, rows, pilot, bound)
            if isinstance(found, Rejected):
                rejected[k] = found.reason
                continue
            own, nodes = found
            at = own[checks] if own.size > 1 else own
            error = float(np.abs((at - check) * run.conversion(k, run.paths, checks)).max())
            if error > bound:
                rejected[k] = (
                    f"in a scenario drawn at random its error was {error:,.3g}, its bound {bound:,.3g}"
                )
            else:
                self._keep(
                    k, own, TradeCertificate(self.names[k], "proxy", float(bound), nodes, len(checks), error)
                )
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
        """Values of a trade by its proxy and the number of nodes; or why it has none."""
        run = self.run
        valuation, n = run.valuer.valuation(k), len(run.everywhere)
        points = np.column_stack([run.paths[v] for v in valuation.variables] or [np.zeros(n)])
        if not np.ptp(points, axis=0).any():
            return exact[:1], 0
        own_bound = bound / float(np.abs(run.conversion(k, run.paths)).max())
        if not own_bound > 0:
            return Rejected(
                "neither it nor the portfolio gains or loses anything that a bound could be part of"
            )

        def function(at: np.ndarray) -> np.ndarray:
            return valuation.full(dict(zip(valuation.variables, at.T, strict=True)), np.arange(len(at)))

        try:
            proxy = fit_proxy(function, points, points[rows], exact, own_bound, n // 4)
        except DataError as error:
            return Rejected(f"it cannot be valued on the whole range of its factors: {error}")
        return proxy if isinstance(proxy, Rejected) else (proxy(points), proxy.nodes)

    def _tail(
        self, values: np.ndarray, certificate: RevaluationCertificate
    ) -> tuple[np.ndarray, RevaluationCertificate]:
        """Value the scenarios with the largest losses in full."""
        run, n = self.run, len(values)
        count = math.ceil(run.how.tail * n)
        order = np.argsort(values.sum(axis=1), kind="stable")
        worst = np.sort(order[:count])
        trades = [k for k, c in enumerate(certificate.trades) if c.method == "proxy"]
        values[np.ix_(worst, np.array(trades))] = run.converted(trades, run.full(trades, worst), worst)
        total = values.sum(axis=1)
        best_outside = total[order[count:]].min() if count < n else math.inf
        certain = int((total[worst] < best_outside - certificate.bound).sum())
        return values, replace(certificate, tail=count, exact_from=1.0 - certain / n)

    def _some(self, count: int) -> np.ndarray:
        n = len(self.run.everywhere)
        return self._rng.choice(n, min(count, n), replace=False)
