"""What makes VaR and ES, how sure they are, and how the portfolio was valued: from the main model's `risk.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from qfin.report import _format as form
from qfin.report._data import Interval, ReportData
from qfin.report.figures.bars import bars
from qfin.report.figures.layout import HALF, NARROW, responsive

_SHOWN = 12


def measures(data: ReportData) -> dict[str, Any] | None:
    """Contributions, levels, windows, error budget and revaluation; None for figures of before there were these."""
    about = data.risk
    if "contributions" not in about:
        return None
    return {
        "contributions": _contributions(about["contributions"], data.base_currency),
        "convention": about["contributions"]["convention"],
        "levels": _levels(about["levels"]),
        "conventions": [(row["convention"], form.amount(row["value"])) for row in about["conventions"]],
        "es_level": f"{100 * about['conventions'][0]['level']:g}%",
        "windows": [_window(row) for row in about["windows"]],
        "budgets": [_budget(row, data.base_currency) for row in about.get("error_budget", ())],
        "combination": (about.get("error_budget") or [{"combination": ""}])[0]["combination"],
        "revaluation": _revaluation(about["revaluation"], data),
    }


def _contributions(about: Mapping[str, Any], currency: str) -> list[dict[str, Any]]:
    title = f"Component ES {100 * about['ES']['level']:g}%, {currency}"

    def plot(name: str) -> Markup:
        rows = _largest(about["ES"][name])
        return responsive(lambda width: bars(rows, title, width), HALF, NARROW)

    return [
        {"by": name, "plot": plot(name), "rows": _rows(about["VaR"][name], about["ES"][name])}
        for name in ("factor", "trade", "currency")
    ]


def _largest(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, float]]:
    """The parts that weigh most, the rest as one."""
    kept = sorted(rows, key=lambda row: -abs(row["component"]))[:_SHOWN]
    shown = [(row["part"], row["component"]) for row in rows if row in kept]
    rest = [row["component"] for row in rows if row not in kept]
    return [*shown, (f"{len(rest)} others", sum(rest))] if rest else shown


def _rows(var: Sequence[Mapping[str, Any]], es: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    of_var = {row["part"]: row for row in var}
    return [
        {
            "part": row["part"],
            "figures": [
                form.amount(one[key], signed=True)
                for one in (of_var[row["part"]], row)
                for key in ("component", "incremental", "standalone")
            ],
            "marginal": "" if row["marginal"] is None else form.number(row["marginal"], 4, signed=True),
        }
        for row in es
    ]


def _levels(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row a horizon and level: VaR and ES with their intervals."""
    table: dict[tuple[int, float], dict[str, Any]] = {}
    for row in rows:
        entry = table.setdefault((row["horizon"], row["level"]), {})
        entry[row["measure"]] = (form.amount(row["value"]), _between(row))
    return [
        {"horizon": f"{days} day{'' if days == 1 else 's'}", "level": f"{100 * level:g}%", **found}
        for (days, level), found in table.items()
    ]


def _window(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "days": f"{row['start']} to {row['end']}",
        "scenarios": form.number(row["scenarios"]),
        "figures": [
            (f"{m['measure']} {100 * m['level']:g}%", form.amount(m["value"]), _between(m))
            for m in row["measures"]
        ],
        "convention": row["measures"][0]["convention"],
    }


def _budget(row: Mapping[str, Any], currency: str) -> dict[str, Any]:
    title = f"{row['measure']} {100 * row['level']:g}%"
    found = [(s["source"], s["error"]) for s in row["sources"]]
    return {
        "title": title,
        "value": form.money(row["value"], currency),
        "interval": f"{form.amount(row['lower'])} to {form.amount(row['upper'])}",
        "confidence": form.percent(row["confidence"], 0),
        "error": form.amount(row["error"]),
        "plot": responsive(
            lambda width: bars(found, f"Error of {title}, {currency}", width, signed=False), HALF, NARROW
        ),
        "rows": [
            {
                "source": s["source"],
                "error": form.amount(s["error"]),
                "share": "bound" if s["bound"] else form.percent(s["share"], 0),
                "method": s["method"],
            }
            for s in row["sources"]
        ],
    }


def _revaluation(about: Mapping[str, Any], data: ReportData) -> dict[str, Any]:
    trades, counts = about["trades"], about["counts"]
    currency = data.base_currency
    valued = ", ".join(f"{count} {method}" for method, count in counts.items() if count)
    facts = [
        ("Trades valued", valued),
        ("Market moves", f"to {about['horizon_date']}" if about["ageing"] else "at once, on the as-of date"),
        ("Gain by time alone", form.money(about["theta"], currency, signed=True)),
        ("Bound of proxy prices", form.money(about["bound"], currency)),
        (
            "Tail valued in full",
            form.number(about["tail"]) + " scenarios" if about["tail"] else "every price is exact",
        ),
    ]
    if about["tail"]:
        facts.append(("Exact from level", f"{100 * about['exact_from']:.2f}%"))
    facts += [(f"Held at a bound: {name}", f"{n:,} scenarios") for name, n in about["bounded"].items() if n]
    return {"facts": facts, "trades": [_valued(row) for row in trades if row["method"] != "closed form"]}


def _valued(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "trade": row["trade"],
        "method": row["method"],
        "nodes": form.number(row["nodes"]) if row["nodes"] else "",
        "bound": form.amount(row["bound"]) if row["bound"] else "",
        "error": form.amount(row["largest_error"]) if row["checked"] else "",
        "checked": form.number(row["checked"]) if row["checked"] else "",
        "reason": row["reason"],
    }


def _between(row: Mapping[str, Any]) -> str:
    return form.between(Interval(row["value"], row["lower"], row["upper"]), form.amount)
