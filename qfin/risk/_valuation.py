"""One trade as a function of its own few variables: by QuantLib scenario by scenario, or in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import numpy as np

from qfin.errors import DataError
from qfin.risk._market import Market
from qfin.risk._quantlib import Quotes
from qfin.risk._variables import Paths
from qfin.risk.instruments import Instrument

CLOSED_FORM_TOLERANCE = 1e-12


class Valuation:
    """A trade built once, to be valued on `reference` (QuantLib's evaluation date meanwhile), in its own currency.

    trade, market : what is valued, with what
    reference : the day that values are of
    still : the as-of levels, that quotes start from
    """

    def __init__(self, trade: Instrument, market: Market, reference: date, still: Paths) -> None:
        self.trade, self.market, self.reference = trade, market, reference
        self._quotes = Quotes(market, reference, still)
        try:
            self._price = trade.build(self._quotes)
        except RuntimeError as error:  # what QuantLib raises
            raise DataError(f"trade {trade.name!r} cannot be built on {reference}: {error}") from error

    def settings(self, paths: Paths, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """What its quotes are set to in some of the scenarios, shape (n, q): all that its value depends on."""
        made = [paths.made(source)[rows] for source in self._quotes.sources]
        return np.column_stack(made) if made else np.empty((len(np.arange(len(paths))[rows]), 0))

    def full(self, settings: np.ndarray, rows: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Its value by QuantLib, shape (n, q) to (n,); one number, shape (1,), if nothing moves it.

        rows : numbers of the scenarios, for errors; None: the as-of date
        """
        if not settings.shape[1]:
            return self._loop(settings[:1], None)
        wrong = np.flatnonzero(~np.isfinite(settings).all(axis=1))
        if len(wrong):
            raise DataError(f"trade {self.trade.name!r}: {self._made_from()} {self._where(rows, wrong[0])}")
        return self._loop(settings, rows)

    def full_at(self, settings: np.ndarray) -> np.ndarray:
        """The same at settings that are no scenario's."""
        return self.full(settings, np.arange(len(settings)))

    def agrees(self, closed_form: np.ndarray, by_quantlib: np.ndarray) -> bool:
        """Whether two values are the same to rounding."""
        largest = max(float(np.abs(by_quantlib).max()), self.trade.size)
        return bool(np.abs(closed_form - by_quantlib).max() <= CLOSED_FORM_TOLERANCE * largest)

    def _loop(self, settings: np.ndarray, rows: Sequence[int] | np.ndarray | None) -> np.ndarray:
        values, setters, resets, price = (
            np.empty(len(settings)),
            self._quotes.setters(),
            self._quotes.resets,
            self._price,
        )
        row = 0
        try:
            last = [math.nan] * len(setters)
            for row, point in enumerate(settings.tolist()):
                for k, number in enumerate(point):
                    if number != last[k]:
                        setters[k](number)
                last = point
                for reset in resets:
                    reset()
                values[row] = price()
        except RuntimeError as error:
            raise DataError(
                f"trade {self.trade.name!r} cannot be valued {self._where(rows, row)}: {error}"
            ) from error
        return values

    def _made_from(self) -> str:
        names = ", ".join(sorted({variable.factor for variable in self._quotes.variables}))
        return f"its rates or volatilities, made of {names}, are no numbers"

    @staticmethod
    def _where(rows: Sequence[int] | np.ndarray | None, row: int) -> str:
        return "on the as-of date" if rows is None else f"in scenario {rows[row]}"
