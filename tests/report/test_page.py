from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from qfin.market import RiskFactor
from qfin.report import collect, render
from qfin.store import Artifact, Store

Build = Callable[..., list[Artifact]]
UST = tuple(RiskFactor(f"UST{p}", "IR", "per cent", "absolute", pillar=p) for p in ("1Y", "3Y", "5Y", "10Y"))
FX18 = tuple(RiskFactor(f"USD{a}{b}{a}") for a in "ABCDEF" for b in "XYZ")
BORN_ALONE = (("born", "Born machine"),)
CLASSICAL = (("student_t", "Student-t copula"), ("gaussian", "Gaussian copula"))


class Page(HTMLParser):
    """Ids, headings, and every tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._silent = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._silent = tag in ("style", "script", "title")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text.append(data)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))

    def sections(self) -> list[str | None]:
        return [attributes.get("id") for tag, attributes in self.tags if tag == "section"]


def small(run_builder: Build, tmp_path: Path, **changes: Any) -> str:
    store = Store(tmp_path)
    return render(collect(run_builder(store, **{"days": 300, "scenarios": 300, **changes}), store))


def test_key_figures_are_in_the_text(page: str, risks: Sequence[Artifact]) -> None:
    words = Page(page).words
    value_at_risk, shortfall = risks[0].json("risk.json")["measures"]
    assert "As of 30 October 2026" in words
    assert "USD 12,345,679" in words
    for measure in (value_at_risk, shortfall):
        assert f"USD {measure['value']:,.0f}" in words
        assert f"95% interval {measure['lower']:,.0f} to {measure['upper']:,.0f}" in words
        assert f"{measure['convention']}; positive is a loss" in words
    assert "no quantum advantage is claimed" in words
    assert f"qfin report {' '.join(r.ref for r in risks)}" in words


def test_all_sections_are_there(page: str) -> None:
    assert Page(page).sections() == [
        "tail", "scores", "marginals", "dependence", "tails", "training", "circuit", "worst", "grid", "quality",
        "lineage",
    ]  # fmt: skip


def test_links_lead_somewhere_and_ids_are_unique(page: str) -> None:
    tags = Page(page).tags
    ids = Counter(a["id"] for _, a in tags if "id" in a)
    assert max(ids.values()) == 1
    links = {str(a["href"]) for tag, a in tags if tag == "a"}
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_nothing_is_loaded_from_anywhere(page: str, store: Store) -> None:
    loads = [
        str(a[key]) for _, a in Page(page).tags for key in ("src", "href", "xlink:href", "data") if key in a
    ]
    assert all(load.startswith(("data:", "#")) for load in loads)
    assert not re.search(r"url\(|@import|https?://", page)
    assert store.root not in page


def test_every_user_text_is_escaped(run_builder: Build, tmp_path: Path) -> None:
    bad = "<script>alert('x')</script>"
    page = small(
        run_builder, tmp_path, portfolio=f"{bad}&", trades=(f"{bad}1", f"{bad}2"),
        factors=(RiskFactor(f"<b>{bad}</b>", unit=bad), RiskFactor('"><img src=x onerror=alert(1)>')),
        findings=({"severity": bad, "check": bad, "factor": bad, "date": bad, "message": bad},),
        models=(("born", f"Born {bad}"), ("student_t", f'"{bad}')), attribution=bad,
        circuit=f"<svg xmlns='http://www.w3.org/2000/svg'>{bad}</svg>",
    )  # fmt: skip
    found = Page(page)
    assert [tag for tag, _ in found.tags].count("script") == 1
    assert not [a for _, a in found.tags if "onerror" in a]
    assert bad in found.words


def test_the_same_artifacts_give_the_same_bytes(page: str, run_builder: Build, tmp_path: Path) -> None:
    store = Store(tmp_path / "elsewhere")
    assert render(collect(run_builder(store), store)) == page


_FRESH = """
import hashlib, sys
import qfin.report
heavy = {"pandas", "jinja2", "plotly", "scipy"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
from qfin.store import Store
store = Store(sys.argv[1])
page = qfin.report.render(qfin.report.collect([store.get(ref) for ref in sys.argv[2:]], store))
banned = {"qiskit", "QuantLib", "sklearn", "plotly", "prefect"}
assert not banned & set(sys.modules), banned & set(sys.modules)
print(hashlib.sha256(page.encode()).hexdigest())
"""


def test_another_process_gives_the_same_bytes_and_imports_little(
    page: str, store: Store, risks: Sequence[Artifact]
) -> None:
    command = [sys.executable, "-c", _FRESH, store.root, *(risk.ref for risk in risks)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "5"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == hashlib.sha256(page.encode()).hexdigest()


@pytest.mark.parametrize(
    ("changes", "absent", "words"),
    [
        ({"models": CLASSICAL}, {"training", "circuit"}, "The Student-t copula"),
        ({"models": (("bootstrap", "Bootstrap"),)}, {"scores", "training", "circuit"}, "No held-out score"),
        ({"models": BORN_ALONE}, set(), "No rival to compare with"),
        ({"factors": UST}, set(), "Daily move, bp"),
        ({"factors": UST[:1], "trades": ("One",)}, {"dependence", "tails"}, "1 risk factor "),
        ({"horizon": 10}, set(), "10 days ahead"),
        ({"findings": ()}, set(), "found nothing"),
        ({"attribution": "Source: ECB statistics; own calculations"}, set(), "Source: ECB statistics"),
    ],
)
def test_what_is_missing_is_left_out(
    run_builder: Build, tmp_path: Path, changes: dict[str, Any], absent: set[str], words: str
) -> None:
    page = Page(small(run_builder, tmp_path, **changes))
    everything = {"tail", "scores", "marginals", "dependence", "tails", "training", "circuit", "worst", "grid",
                  "quality", "lineage"}  # fmt: skip
    assert set(page.sections()) == everything - absent
    assert words in page.words
    assert "None" not in page.words
    assert "nan" not in page.words


def test_many_factors_show_the_most_dependent_pairs_and_say_so(run_builder: Build, tmp_path: Path) -> None:
    page = small(run_builder, tmp_path, factors=FX18, trades=("A", "B"))
    assert "Shown are the 10 most dependent of 153 pairs" in Page(page).words
    assert len(page.encode()) < 8_000_000


def test_a_circuit_too_large_to_show_is_named(run_builder: Build, tmp_path: Path) -> None:
    circuit = f"<svg xmlns='http://www.w3.org/2000/svg'><!--{'x' * 3_000_000}--></svg>"
    page = Page(small(run_builder, tmp_path, circuit=circuit))
    assert "The drawing takes 3.0 MB and is left out; it is circuit.svg of train/" in page.words
    assert not [tag for tag, _ in page.tags if tag == "img"]
