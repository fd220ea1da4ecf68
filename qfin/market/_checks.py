"""The single checks behind `check_prices`; each yields its findings, and each threshold is defined here once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from qfin.market._factors import RiskFactor
from qfin.market._quality import Finding

HOLE_DAYS = 7  # calendar days; the closure after 11 September 2001 was 7, Easter is 5
HOLE_SPACINGS = 3  # ... and as many usual spacings, for weekly and monthly histories
STALE_RUN = 5
OUTLIER_Z = 12.0  # the ECB's euro rates have about one such day a pair in 27 years
OUTLIERS_SHOWN = 10
_TO_SIGMA = 1.4826  # median absolute deviation to standard deviation, of a normal sample


def shape(prices: pd.DataFrame, factors: Sequence[RiskFactor]) -> Iterator[Finding]:
    """Errors that leave nothing else to check: too few rows, no dates, columns missing or not of numbers."""
    if not factors:
        yield Finding("error", "columns", None, None, "there is no column of prices; at least one is needed")
    if not isinstance(prices.index, pd.DatetimeIndex):
        yield Finding(
            "error",
            "dates",
            None,
            None,
            "the prices are not indexed by date; set the column of dates as the index",
        )
    elif prices.index.hasnans:
        row = int(np.argmax(prices.index.isna())) + 1
        yield Finding("error", "dates", None, None, f"row {row} of the prices has no date; drop the row")
    if len(prices) < 2:
        have = "is 1 row" if len(prices) == 1 else "are no rows"
        yield Finding("error", "rows", None, None, f"there {have} of prices; a return needs 2")
    columns = [str(column) for column in prices.columns]
    for factor in factors:
        if factor.name not in columns:
            message = f"there is no column {factor.name!r}; the prices have: {', '.join(columns)}"
            yield Finding("error", "columns", factor.name, None, message)
        elif columns.count(factor.name) > 1:
            message = f"{factor.name} is the name of two columns; rename one"
            yield Finding("error", "columns", factor.name, None, message)
        elif not pd.api.types.is_numeric_dtype(prices[factor.name]):
            message = f"{factor.name} holds {prices[factor.name].dtype} values, not numbers; convert them"
            yield Finding("error", "columns", factor.name, None, message)


def dates(index: pd.DatetimeIndex) -> Iterator[Finding]:
    """Dates that repeat or fall (errors); more than `HOLE_DAYS` days between two of them (an oddity)."""
    if index.has_duplicates:
        repeated = index[index.duplicated()]
        others = _more(len(repeated), "repeated date")
        message = f"the date {repeated[0]:%Y-%m-%d} repeats{others}; keep one row of each"
        yield Finding("error", "duplicate dates", None, repeated[0], message)
    days = np.diff(index.to_numpy("datetime64[s]")) / np.timedelta64(1, "D")
    if (days < 0).any():
        at = int(np.argmax(days < 0))
        message = (
            f"{index[at + 1]:%Y-%m-%d} comes after {index[at]:%Y-%m-%d}; sort the rows by date, oldest first"
        )
        yield Finding("error", "unsorted dates", None, index[at + 1], message)
        return
    usual = float(np.median(days)) if len(days) else 0.0
    for at in map(int, np.flatnonzero(days > max(HOLE_DAYS, HOLE_SPACINGS * usual))):
        message = (
            f"no prices for {days[at]:.0f} days between {index[at]:%Y-%m-%d} and {index[at + 1]:%Y-%m-%d}"
        )
        yield Finding("oddity", "calendar hole", None, index[at], message)


def missing(prices: pd.DataFrame, factors: Sequence[RiskFactor]) -> Iterator[Finding]:
    """Values that are missing or not finite (errors), told apart from gaps: dates on which other series have one."""
    values = prices[[factor.name for factor in factors]].to_numpy(dtype=float)
    elsewhere = np.isfinite(values).any(axis=1)
    for k, factor in enumerate(factors):
        gaps = np.isnan(values[:, k]) & elsewhere
        advice = "it has no value where other series have one; drop the row or name a fill rule"
        yield from _not_finite("gap", gaps, prices.index, factor, advice)
        others = ~np.isfinite(values[:, k]) & ~gaps
        advice = "correct the price, drop the row, or name a fill rule"
        yield from _not_finite("not finite", others, prices.index, factor, advice)


def _not_finite(
    check: str, bad: np.ndarray, index: pd.Index, factor: RiskFactor, advice: str
) -> Iterator[Finding]:
    if bad.any():
        date = index[int(np.argmax(bad))]
        message = f"{factor.name} is not finite on {date:%Y-%m-%d}{_more(bad.sum(), 'date')}; {advice}"
        yield Finding("error", check, factor.name, date, message)


def series(prices: pd.Series, factor: RiskFactor) -> Iterator[Finding]:
    """One series without its missing values: not positive, constant (errors); stale, outliers (oddities)."""
    finite = prices[np.isfinite(prices.to_numpy(dtype=float))].astype(float)
    if len(finite) < 2:
        return
    values = finite.to_numpy()
    if (values == values[0]).all():
        message = f"{factor.name} is constant ({values[0]:g} on all {len(values)} dates); drop it, it carries no risk"
        yield Finding("error", "constant", factor.name, finite.index[0], message)
        return
    yield from _stale(finite, factor)
    bad = values + factor.displacement <= 0
    if factor.return_type != "absolute" and bad.any():
        at = int(np.argmax(bad))
        date = finite.index[at]
        shown = f"{values[at]:g}" + (f" + {factor.displacement:g}" if factor.displacement else "")
        message = (
            f"{factor.name} is not positive on {date:%Y-%m-%d} ({shown}){_more(bad.sum(), 'date')}, so it has no "
            f"{factor.return_type} return; correct it, or give return_type 'absolute' or a larger displacement"
        )
        yield Finding("error", "not positive", factor.name, date, message)
        return
    yield from _outliers(finite, factor)


def _stale(prices: pd.Series, factor: RiskFactor) -> Iterator[Finding]:
    """Runs of `STALE_RUN` or more equal values in a series that moves otherwise."""
    values = prices.to_numpy()
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    lengths = np.diff(np.r_[starts, len(values)])
    stale = lengths >= STALE_RUN
    if stale.any():
        longest = int(np.argmax(lengths))
        first, last = prices.index[starts[longest]], prices.index[starts[longest] + lengths[longest] - 1]
        message = (
            f"{factor.name} stays at {values[starts[longest]]:g} for {lengths[longest]} dates from {first:%Y-%m-%d} to "
            f"{last:%Y-%m-%d}{_more(stale.sum(), 'such run')}"
        )
        yield Finding("oddity", "stale", factor.name, first, message)


def _outliers(prices: pd.Series, factor: RiskFactor) -> Iterator[Finding]:
    """Returns more than `OUTLIER_Z` robust standard deviations from the median: |r - median| > z * 1.4826 MAD.

    A series that stands still on most days has no MAD; the mean absolute deviation takes its place (Iglewicz and
    Hoaglin, How to Detect and Handle Outliers, 1993, p. 11).
    """
    returns = factor.returns(prices.to_numpy())
    deviations = np.abs(returns - np.median(returns))
    spread = _TO_SIGMA * np.median(deviations) or np.sqrt(np.pi / 2) * np.mean(deviations)
    far = np.flatnonzero(deviations > OUTLIER_Z * spread)
    worst = far[np.argsort(-deviations[far], kind="stable")][:OUTLIERS_SHOWN]
    for at in np.sort(worst):
        date = prices.index[at + 1]
        message = (
            f"{factor.name} moves by {_return_text(returns[at], factor)} on {date:%Y-%m-%d}, "
            f"{deviations[at] / spread:.0f} robust standard deviations"
        )
        yield Finding("oddity", "outlier", factor.name, date, message)
    if len(far) > len(worst):
        others = len(far) - len(worst)
        message = f"{factor.name} has {others} more returns beyond {OUTLIER_Z:g} robust standard deviations"
        yield Finding("oddity", "outlier", factor.name, None, message)


def noted(prices: pd.DataFrame, factors: Sequence[RiskFactor]) -> Iterator[Finding]:
    """What the reader and the fill rule noted in `prices.attrs["notes"]`: oddities."""
    names = {factor.name for factor in factors}
    for note in prices.attrs.get("notes", ()):
        factor = note.get("factor")
        if factor is None or factor in names:
            date = pd.Timestamp(note["date"]) if note.get("date") else None
            yield Finding("oddity", note["check"], factor, date, note["message"])


def _return_text(value: float, factor: RiskFactor) -> str:
    if factor.return_type == "absolute":
        return f"{value:+.4g} {factor.return_unit}".rstrip()
    return f"{value:+.2%} ({factor.return_type})"


def _more(count: int, noun: str) -> str:
    others = int(count) - 1
    return f" and {others} more {noun}{'' if others == 1 else 's'}" if others else ""
