"""The quality report of a history of prices: errors stop, oddities are reported and kept, nothing is repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from qfin.errors import DataError
from qfin.market._factors import RiskFactor, known_factors


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (an error) or worth a look (an oddity).

    Parameters
    ----------
    severity : "error" if the prices cannot be used as they are, "oddity" if they can
    check : which check found it ("gap", "outlier", ...)
    factor : the risk factor it is about; None if it is about all of them
    date : the first date it is about; None if it is about no date
    message : one line: what, where, and, of an error, what to do
    """

    severity: Literal["error", "oddity"]
    check: str
    factor: str | None
    date: pd.Timestamp | None
    message: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; the date as YYYY-MM-DD."""
        return {**asdict(self), "date": _iso(self.date)}


@dataclass(frozen=True)
class QualityReport:
    """What `check_prices` found in a history.

    Parameters
    ----------
    rows : dates in the history
    first, last : the first and the last of them; None if there is none
    factors : names of the factors that were checked
    findings : errors first, then oddities
    """

    rows: int
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    factors: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def oddities(self) -> tuple[Finding, ...]:
        """The findings that are reported and kept."""
        return tuple(finding for finding in self.findings if finding.severity == "oddity")

    def raise_for_errors(self) -> None:
        """Do nothing if there is no error.

        Raises
        ------
        DataError
            the first error, and how many more there are.
        """
        if self.errors:
            first, *others = self.errors
            raise DataError(first.message + (f" (and {len(others)} more)" if others else ""))

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "rows": self.rows,
            "first": _iso(self.first),
            "last": _iso(self.last),
            "factors": list(self.factors),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check_prices(prices: pd.DataFrame, factors: Sequence[RiskFactor] | None = None) -> QualityReport:
    """Check a history of prices: a row a date, a column a factor.

    Parameters
    ----------
    prices : as `read_prices` returns it, or any frame with a datetime index
    factors : the columns to check and how they will be used; by default every column, as the source describes it

    Errors are: fewer than 2 rows, a column that is missing or holds text, dates that repeat or are out of order, a
    price that is missing or not finite, one that is not positive under log or relative returns, a constant column.
    Oddities are: more than 7 days between two dates, 5 or more equal prices on end, a return more than 12 robust
    standard deviations from the median, and what the reader and the fill rule noted. `qfin/market/_checks.py` gives
    each definition.
    """
    from qfin.market import _checks as checks

    chosen = tuple(known_factors(prices) if factors is None else factors)
    found = [*checks.shape(prices, chosen)]
    if not found:
        found += [*checks.dates(pd.DatetimeIndex(prices.index))]
        found += [*checks.missing(prices, chosen)]
        for factor in chosen:
            found += checks.series(prices[factor.name], factor)
        found += checks.noted(prices, chosen)
    dates = prices.index if isinstance(prices.index, pd.DatetimeIndex) else pd.DatetimeIndex([])
    return QualityReport(
        rows=len(prices),
        first=dates.min() if len(dates) else None,
        last=dates.max() if len(dates) else None,
        factors=tuple(factor.name for factor in chosen),
        findings=tuple(
            sorted(found, key=lambda finding: finding.severity)
        ),  # "error" before "oddity"; stable
    )


def _iso(date: pd.Timestamp | None) -> str | None:
    return None if date is None or pd.isna(date) else f"{date:%Y-%m-%d}"
