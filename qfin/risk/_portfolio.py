"""A portfolio: trades, and the market data they bring along."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from qfin.errors import DataError
from qfin.market import RiskFactor
from qfin.risk._fields import did_you_mean
from qfin.risk._market import Market
from qfin.risk._pnl import PnL
from qfin.risk._reading import header_problems, raise_for, read_file, read_market, read_trades
from qfin.risk._static import StaticMarket
from qfin.risk.instruments import Instrument

if TYPE_CHECKING:
    from qfin.risk._revaluation import Method
    from qfin.scenarios import ScenarioSet

_KEYS = ("name", "base_currency", "market", "trades")


@dataclass(frozen=True)
class Portfolio:
    """Trades valued together in one base currency.

    Attributes
    ----------
    name : how reports call it
    base_currency : code of the currency of every figure ("USD")
    trades : the trades; names differ
    market : static market data; what no factor of a scenario set moves

    JSON form (`Portfolio.read("book.json")`)::

        {"name": "FX book", "base_currency": "USD",
         "market": {"curves": {"USD": 0.036, "EUR": {"pillars": {"3M": 0.0195, "1Y": 0.0205}},
                               "UST": {"factors": ["UST1Y", "UST10Y"], "compounding": "semiannual"}},
                    "volatilities": {"EURUSD": 0.075}},
         "trades": [{"instrument": "fx_forward", "name": "Sell euro forward", "pair": "EURUSD", "notional": -6000000,
                     "strike": 1.125, "maturity": "2027-04-30"}]}

    Rates, coupons and volatilities are decimals a year (.036 is 3.6 per cent), amounts are units of their currency,
    days are ISO 8601. Each kind of instrument documents its own fields. Trades name risk factors (EURUSD, AAPL) and
    the market's curves and volatilities; a currency's own curve goes by its code.

    CSV form (`Portfolio.read("book.csv")`): a row a trade, a column a field (`instrument`, `name`, ...), cells left
    empty where an instrument has no such field; everything but the trades is the JSON form in `book.market.json`.
    """

    name: str
    base_currency: str
    trades: tuple[Instrument, ...]
    market: StaticMarket = field(default_factory=StaticMarket)

    def __post_init__(self) -> None:
        object.__setattr__(self, "trades", tuple(self.trades))
        problems = header_problems(self.name, self.base_currency, self.trades)
        raise_for("portfolio", problems if self.trades else [*problems, "trades: wanted one trade or more"])

    @classmethod
    def read(cls, path: str | Path) -> Portfolio:
        """Read a portfolio from a `.json` or a `.csv` file.

        Raises
        ------
        DataError
            naming the file and, all at once, each trade and field that is wrong.
        """
        return cls.from_dict(read_file(Path(path)), source=str(path))

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], source: str = "portfolio") -> Portfolio:
        """A portfolio from its JSON form; `source` is what errors call it.

        Raises
        ------
        DataError
            naming, all at once, each trade and field that is wrong.
        """
        problems = [f"there is no key {key!r}{did_you_mean(key, _KEYS)}" for key in raw if key not in _KEYS]
        name, currency = raw.get("name"), raw.get("base_currency")
        market, found = read_market(raw.get("market", {}))
        trades, wrong = read_trades(raw.get("trades"))
        raise_for(source, [*problems, *found, *wrong, *header_problems(name, currency, trades)])
        return cls(str(name), str(currency), tuple(trades), market)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; `from_dict` reads it back."""
        return {
            "name": self.name,
            "base_currency": self.base_currency,
            "market": self.market.model_dump(mode="json", exclude_none=True),
            "trades": [trade.to_dict() for trade in self.trades],
        }

    def write(self, path: str | Path) -> None:
        """Write the JSON form; `read` gives a portfolio with the same content hash."""
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
        Path(path).write_text(text, encoding="utf-8")

    @property
    def content_hash(self) -> str:
        """SHA-256 of everything in it."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    def market_on(self, factors: Sequence[RiskFactor], as_of: date) -> Market:
        """Its market data together with risk factors, on an as-of date."""
        return Market(tuple(factors), self.market, pd.Timestamp(as_of))

    def problems(self, factors: Sequence[RiskFactor], as_of: date) -> list[str]:
        """Everything that keeps it from being valued with `factors` on `as_of`, trade by trade; values nothing."""
        market = self.market_on(factors, as_of)
        found = market.problems()
        for trade in self.trades:
            clauses = list(trade.date_problems(market.as_of.date()))
            for name, need in trade.needs().items():
                if (problem := market.problem(need)) is not None:
                    clauses.append(f"{name}: {problem}")
            try:
                market.conversion(trade.value_currency, self.base_currency)
            except DataError as error:
                clauses.append(str(error))
            if clauses:
                found.append(f"trade {trade.name!r}: {'; '.join(clauses)}")
        return found

    def check(self, factors: Sequence[RiskFactor], as_of: date) -> None:
        """Check that it can be valued with `factors` on `as_of`; values nothing.

        Raises
        ------
        DataError
            naming, all at once, each trade and field that is wrong.
        """
        raise_for(f"portfolio {self.name!r}", self.problems(factors, as_of))

    def revalue(
        self,
        scenarios: ScenarioSet,
        method: Method = "full",
        *,
        ageing: bool = True,
        tolerance: float = 1e-3,
        tail: float = 0.05,
        workers: int = 1,
    ) -> PnL:
        """P&L of every trade in every scenario.

        The market moves from its as-of levels to the scenario's levels at the horizon, and values there are of that
        day: trades age, and what they pay on the way belongs to their gain, without interest (`PnL.theta` is the gain
        if nothing but time moves). With `ageing=False` the market moves at once, on the as-of date. Static market data
        stay as they are, curves by tenor. Payments due on or before the as-of date are not counted.

        Parameters
        ----------
        method : "full", each trade in each scenario by QuantLib; "proxy", closed forms that reproduce QuantLib's number
            and interpolants with certified bounds, the worst scenarios in full (`PnL.certificate`)
        tolerance : bound of a proxy's error as a part of the standard deviation of its trade's gain, or of an equal
            share of the portfolio's if that is more
        tail : part of the scenarios, those with the largest losses, that is valued in full after proxies
        workers : processes for what is valued in full; 0: as many as there are processors, where the work is worth it

        Raises
        ------
        DataError
            what `check` raises; or if a scenario's level cannot be (a negative spot), naming scenario and factor.
        ConfigError
            if an option is out of its range.
        """
        from qfin.risk._revaluation import Revaluation, revalue

        return revalue(self, scenarios, Revaluation(method, ageing, tolerance, tail, workers))
