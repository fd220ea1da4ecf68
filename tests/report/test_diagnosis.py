"""The report's section on the inside of a circuit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfin.errors import ConfigError, StoreError
from qfin.report import collect, render
from qfin.report._format import scientific
from qfin.report.figures import circuit as figures
from qfin.store import Artifact, Store


def diagnose(store: Store, risk: Artifact, bits: int = 3, layers: tuple[int, ...] = (1, 2, 8)) -> Artifact:
    """Publish a diagnosis of the model behind a risk artifact, as the stage writes it."""
    lineage = {artifact.stage: artifact for artifact in store.lineage(risk)}
    factors = list(store.get(lineage["encode"].parents["history"]).summary["factors"])
    rng = np.random.default_rng(3)
    sizes = {"qubits": [6, 8, 10], "layers": list(layers)}

    def write(folder: Path) -> dict[str, Any]:
        tables = _diagnosis_tables(factors, bits, sizes, rng)
        for name, frame in tables.items():
            frame.to_parquet(folder / f"{name}.parquet")
        about = _diagnosis(factors, bits, sizes, len(tables["gates"]))
        (folder / "diagnosis.json").write_text(json.dumps(about), encoding="utf-8")
        return {"kind": "born", "label": "Born machine", "qubits": bits * len(factors)}

    return store.publish(
        "diagnose", {"bits": bits, "layers": list(layers)}, write, {"model": lineage["train"]}
    )


def _diagnosis_tables(
    factors: list[str], bits: int, sizes: dict[str, list[int]], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    n, d = bits * len(factors), len(factors)
    bit = [f"{factors[q // bits]} {q % bits}" for q in range(n)]
    starts = (("model", 1e-4, 1.0), ("uniform", 1.0, 0.5))
    gradients = [
        {"qubits": q, "layers": k, "initialisation": name, "median": scale * fall**q / k,
         "lower": 0.8 * scale * fall**q / k, "upper": 1.2 * scale * fall**q / k, "variance": scale * fall**q}
        for q in sizes["qubits"] for k in sizes["layers"] for name, scale, fall in starts
    ]  # fmt: skip
    ansatz = [
        {"qubits": 10, "layers": k, "samples": 200, "entanglement_model": 0.2, "entanglement_uniform": 1 - 0.5**k,
         "expressibility": 1.0 / k}
        for k in sizes["layers"]
    ]  # fmt: skip
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    shared = [
        {"qubit": i, "other_qubit": j, "bit": bit[i], "other_bit": bit[j], "across_factors": i // bits != j // bits,
         "quantum": 0.3 / (1 + j - i), "circuit": 0.1 / (1 + j - i), "start": 0.0, "data": 0.1 / (1 + j - i) - 0.001,
         "data_error": 0.002}
        for i, j in pairs
    ]  # fmt: skip
    factor_pairs = [
        {"factor": factors[i], "other_factor": factors[j], "quantum_of_bits": 0.7, "circuit": 0.2, "start": 0.19,
         "data": 0.2 + (0.03 if (i, j) == (0, 1) else 0.003), "data_error": 0.01}
        for i in range(d) for j in range(i + 1, d)
    ]  # fmt: skip
    gates = [
        {"position": k, "layer": 1, "gate": "rzz", "qubits": list(pairs[k % len(pairs)]),
         "bits": ", ".join(bit[q] for q in pairs[k % len(pairs)]), "angle": float(rng.normal()),
         "loss_change": 0.01 / (1 + k), "gradient": -1e-5, "fisher": 1.0 / (1 + k), "idle": k > 30}
        for k in range(40)
    ]  # fmt: skip
    frames = {
        "gradients": gradients,
        "ansatz": ansatz,
        "bits": shared,
        "factors": factor_pairs,
        "gates": gates,
    }
    return {name: pd.DataFrame(rows) for name, rows in frames.items()}


def _diagnosis(factors: list[str], bits: int, sizes: dict[str, list[int]], gates: int) -> dict[str, Any]:
    return {
        "model": {"label": "Born machine", "qubits": bits * len(factors), "layers": 2, "start": "load"},
        "samples": 200, **sizes, "seed": 7, "days": 700, "factors": factors, "grid": {"bits": bits},
        "loss": {"start": 5.8, "trained": 5.79, "bound": 5.6}, "idle_gates": gates - 31,
        "entanglement": {"start": 0.2, "trained": 0.3, "haar": 0.999},
        "decay": [
            {"initialisation": name, "layers": k, "factor": factor, "lower": factor - 0.1, "upper": factor + 0.1}
            for name, factor in (("model", 0.95), ("uniform", 0.5)) for k in sizes["layers"]
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def diagnosis(risks: Sequence[Artifact], store: Store) -> Artifact:
    return diagnose(store, risks[0])


@pytest.fixture(scope="module")
def html(risks: Sequence[Artifact], store: Store, diagnosis: Artifact) -> str:
    return render(collect(risks, store, [diagnosis]))


@pytest.fixture(scope="module")
def section(html: str) -> str:
    return html[html.index('<section id="diagnosis">') : html.index('<section id="worst">')]


def test_without_a_diagnosis_there_is_no_section(page: str, html: str) -> None:
    assert 'href="#diagnosis"' not in page
    assert "Which gates matter" not in page
    assert html.count('href="#diagnosis"') == 1


def test_the_trend_is_said_in_words(section: str) -> None:
    words = re.sub(r"\s+", " ", section)
    assert (
        "its own first angles the squared gradient shows no trend as qubits are added, ×0.95 (0.85 to 1.05)"
        in words
    )
    assert "with uniform angles it falls as qubits are added, ×0.50 (0.40 to 0.60) a qubit." in words


def test_the_row_of_the_models_own_layers_is_marked(section: str) -> None:
    row = re.search(r'<tr class="used">(.*?)</tr>', section)
    assert row is not None
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row[1])
    assert cells == [
        "2 (used)", "5.0·10⁻⁵", "1.0·10⁻⁴", "×0.95 (0.85 to 1.05)", "4.9·10⁻⁴", "9.8·10⁻⁴", "×0.50 (0.40 to 0.60)",
        "0.200", "0.750", "0.500",
    ]  # fmt: skip


def test_what_is_missed_is_grey_within_two_standard_errors(section: str) -> None:
    assert '<td class="n">+0.0300</td>' in section
    assert section.count('<td class="n none">+0.0030</td>') == 5


def test_fifteen_gates_and_where_the_others_are(section: str, diagnosis: Artifact) -> None:
    table = section[section.index("Loss without it") :]
    assert len(re.findall(r'<span class="bar" style="width:\d+%">', table)) == 15
    assert '<td class="l">RZZ</td>' in table
    assert f"The other 25 are in gates.parquet of {diagnosis.ref}." in section
    assert "9 of 40 gates with an angle change no outcome" in section


def test_every_two_bits_are_a_cell_of_each_matrix(section: str) -> None:
    tips = re.findall(r"<title>(\S+) (\d), (\S+) (\d): (\S+) nats</title>", section)
    assert len(tips) == 3 * 12 * 11
    assert ("EURUSD", "0", "EURUSD", "1", "0.1500") in tips
    assert ("EURUSD", "2", "GBPUSD", "0", "0.0500") in tips
    assert ("USDCAD", "2", "EURUSD", "0", "0.0073") in tips  # the data, 0.1/12 - 0.001


def test_a_curve_a_depth_in_each_plateau_figure(section: str) -> None:
    for name, colour in (("the model’s own first angles", "c0"), ("uniform angles in [0, 2π)", "h")):
        found = re.findall(rf'aria-label="Squared gradient [^"]*{re.escape(name)}".*?</svg>', section)
        assert len(found) == 2  # one for wide screens, one for narrow ones
        assert len(re.findall(rf'class="line {colour}( thick)?"', found[0])) == 3
        assert found[0].count(f'class="line {colour} thick"') == 1
        assert "10⁻⁴" in found[0]


def test_the_curve_falls_by_the_factor_it_has() -> None:
    frame = pd.DataFrame(
        {"qubits": [2, 4, 6], "layers": 1, "median": [1e-1, 1e-2, 1e-3], "lower": 1e-3, "upper": 1e-1}
    )
    limits = figures.plateau_limits(frame)
    assert limits == pytest.approx((1e-3, 1e-1))
    drawn = str(figures.plateau(frame, limits, 1, "c0", "a title", 545))
    path = re.search(r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)" class="line', drawn)
    assert path is not None
    y = [float(path[k]) for k in (2, 4, 6)]
    assert y[1] - y[0] == pytest.approx(y[2] - y[1], abs=0.11)
    assert y[2] > y[0]


def test_sizes_that_have_no_logarithm_do_not_break_the_figure() -> None:
    frame = pd.DataFrame({"qubits": [2], "layers": 1, "median": np.inf, "lower": 0.0, "upper": np.inf})
    assert "nan" not in str(figures.plateau(frame, figures.plateau_limits(frame), 1, "c0", "a title", 545))


def test_scientific_numbers() -> None:
    assert scientific(0.00012345) == "1.2·10⁻⁴"
    assert scientific(-3.06e5, signed=True) == "−3.1·10⁵"
    assert scientific(0.0, signed=True) == "+0.0·10⁰"
    assert scientific(float("nan")) == "n/a"


def test_it_is_part_of_the_lineage(html: str, risks: Sequence[Artifact], diagnosis: Artifact) -> None:
    assert f"qfin report {' '.join(r.ref for r in risks)} {diagnosis.ref}" in html
    assert f"<code>{diagnosis.id}</code>" in html


def test_of_another_model_or_twice_of_one(
    risks: Sequence[Artifact], store: Store, diagnosis: Artifact
) -> None:
    with pytest.raises(
        ConfigError, match=f"{diagnosis.ref} is of train/.*, which made none of the risk figures"
    ):
        collect(risks[1:], store, [diagnosis])
    other = diagnose(store, risks[0], layers=(2,))
    with pytest.raises(
        ConfigError, match=f"{other.ref} and {diagnosis.ref} are both of train/.*; name one of them"
    ):
        collect(risks, store, [diagnosis, other])


def test_a_damaged_table_is_named(run_builder: Callable[..., list[Artifact]], tmp_path: Path) -> None:
    store = Store(tmp_path)
    risks = run_builder(store, days=300, scenarios=200, models=(("born", "Born machine"),))
    diagnosis = diagnose(store, risks[0])
    (diagnosis.folder / "gates.parquet").write_bytes(b"not Parquet")
    with pytest.raises(StoreError, match="gates.parquet of artifact diagnose/.* cannot be read"):
        collect(risks, store, [diagnosis])


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 768, 390])
def test_it_fits_the_page(chromium: Any, html: str, tmp_path: Path, width: int) -> None:
    file = tmp_path / "report.html"
    file.write_text(html, encoding="utf-8")
    opened = chromium.new_page(viewport={"width": width, "height": 800})
    opened.goto(file.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    texts = opened.evaluate("""[...document.querySelectorAll('#diagnosis svg.plot text')].map(text => {
        const box = text.getBoundingClientRect(), svg = text.ownerSVGElement.getBoundingClientRect();
        return {text: text.textContent, shown: svg.width > 0,
                out: Math.max(svg.left - box.left, box.right - svg.right)};
    }).filter(text => text.shown)""")
    assert len(texts) > 80
    assert [text for text in texts if text["out"] > 2] == []
    shown = opened.locator("#diagnosis svg.plot:visible")
    assert shown.count() == 5  # two plateaus, three matrices
    opened.close()


@pytest.mark.browser
def test_twenty_four_qubits_and_long_names_fit_too(
    chromium: Any, run_builder: Callable[..., list[Artifact]], tmp_path: Path
) -> None:
    from qfin.market import RiskFactor

    store = Store(tmp_path / "store")
    factors = tuple(RiskFactor(f"LONG_NAME_{k}") for k in range(12))
    risks = run_builder(store, factors=factors, days=300, scenarios=200, models=(("born", "Born machine"),))
    file = tmp_path / "report.html"
    page = render(collect(risks, store, [diagnose(store, risks[0], bits=2)]))
    file.write_text(page, encoding="utf-8")
    for width in (1280, 390):
        opened = chromium.new_page(viewport={"width": width, "height": 800})
        opened.goto(file.as_uri())
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        opened.close()
