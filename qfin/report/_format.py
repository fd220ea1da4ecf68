"""Numbers as a reader wants them: thousands separators, a real minus sign, units named."""

from __future__ import annotations

from typing import Any

import numpy as np

from qfin.market import RiskFactor
from qfin.report._data import Interval

MINUS, NARROW = "\u2212", "\u202f"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, decimals: int = 0, signed: bool = False) -> str:
    """`−1,234.5`: thousands separators, a fixed number of decimals."""
    text = f"{value:{'+' if signed else ''},.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def amount(value: float, signed: bool = False) -> str:
    """An amount of money: no decimals from 1,000 on, else four significant figures."""
    if value == 0 or abs(value) >= 1_000:
        return number(value, 0, signed)
    return number(value, max(0, 3 - int(np.floor(np.log10(abs(value))))) if abs(value) >= 1e-6 else 0, signed)


def scientific(value: float, signed: bool = False) -> str:
    """Two figures and a power of ten: `+2.4·10⁻³`; `n/a` where it is not finite."""
    if not np.isfinite(value):
        return "n/a"
    mantissa, exponent = f"{value:{'+' if signed else ''}.1e}".split("e")
    return f"{mantissa.replace('-', MINUS)}·10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def money(value: float, currency: str, signed: bool = False) -> str:
    """`USD 1,234,567`."""
    return f"{currency}\u00a0{amount(value, signed)}"


def short(value: float) -> str:
    """For axes: `1.5M`, `−200k`, `0.25`."""
    for size, suffix in ((1e12, "T"), (1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.10g}".replace("-", MINUS) + suffix
    return f"{value:.10g}".replace("-", MINUS)


def percent(value: float, decimals: int = 1) -> str:
    """A share of one as `12.3%`."""
    return f"{number(100 * value, decimals)}%"


def nats(value: float, signed: bool = False) -> str:
    """A score with four decimals."""
    return number(value, 4, signed)


def between(interval: Interval, write: Any) -> str:
    """`lower to upper`, each written by `write`, an end that is open as infinite; empty without an interval."""
    if interval.lower is None and interval.upper is None:
        return ""
    lower = f"{MINUS}∞" if interval.lower is None else write(interval.lower)
    return f"{lower} to {'∞' if interval.upper is None else write(interval.upper)}"


def return_scale(factor: RiskFactor) -> float:
    """What a return is multiplied by for display: log and relative returns are shown in per cent."""
    return 1.0 if factor.return_type == "absolute" else 100.0


def return_unit(factor: RiskFactor) -> str:
    """Unit of a return as displayed."""
    return factor.return_unit if factor.return_type == "absolute" else "%"


def move(value: float, factor: RiskFactor) -> str:
    """A factor's move as displayed: `+1.23%`, `−12.3 bp`."""
    shown, unit = value * return_scale(factor), return_unit(factor)
    decimals = 2 if unit == "%" else 1 if unit == "bp" else 3
    return number(shown, decimals, signed=True) + (unit if unit == "%" else f"\u00a0{unit}" if unit else "")


def level(value: float) -> str:
    """A market level with five significant figures."""
    if value == 0 or not np.isfinite(value):
        return "0" if value == 0 else "n/a"
    return number(value, int(np.clip(4 - np.floor(np.log10(abs(value))), 0, 6)))


def the(label: str) -> str:
    """A model's label in a sentence: `the Born machine`, `the Bootstrap model`."""
    last = label.rstrip(" 0123456789").rpartition(" ")[2].lower()
    return f"the {label}" + ("" if last in {"machine", "copula", "vine", "model", "network"} else " model")


def capitalised(text: str) -> str:
    """With its first letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]
