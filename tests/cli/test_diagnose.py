"""`qfin diagnose` on a small Born machine, trained by the stages before."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from qfin.store import Store


@pytest.fixture(scope="module")
def quantum(config, tmp_path_factory):
    """A configuration with a Born machine that trains in a moment, and a store."""
    folder = tmp_path_factory.mktemp("quantum")
    path = folder / "born.toml"
    born = '{ kind = "born", layers = 1, steps = 3, data_weight = 1.0 }'
    path.write_text(config.read_text().replace('"student_t"', born).replace('["bootstrap"]', '["gaussian"]'))
    return path, folder / "store"


@pytest.fixture
def diagnosed(qfin, quantum):
    path, store = quantum
    return qfin(
        "diagnose", "--config", path, "--store", store, "--samples", 20, "--layers", "1,2", "--qubits", "4-8"
    )


def test_every_table_is_shown(diagnosed, quantum):
    assert diagnosed.code == 0
    artifact = Store(quantum[1]).get(diagnosed.out.splitlines()[0])
    assert artifact.inputs == {"samples": 20, "qubits": [4, 5, 6, 7, 8], "layers": [1, 2], "seed": 7}
    titles = [
        "squared gradient at initialisation, 1 layer ",
        "squared gradient at initialisation, 8 qubits",
        "entanglement and expressibility, 8 qubits",
        "mutual information of factors, nats a day",
        "mutual information of bits, nats",
        "gates: what the loss rises by without them, nats a day",
    ]
    places = [diagnosed.out.find(title) for title in titles]
    assert -1 not in places
    assert places == sorted(places)
    number = r"\d\.\de[+-]\d\d"
    assert (
        len(re.findall(rf"^ +[4-8] +{number} +{number} +{number} +{number} *$", diagnosed.out, re.MULTILINE))
        == 5
    )
    assert re.search(r"a qubit +×\d\.\d\d \[\d\.\d\d, \d+\.\d\d\] +×", diagnosed.out)
    factors = pd.read_parquet(artifact.path("factors.parquet")).iloc[0]
    assert re.search(
        rf"EURUSD, GBPUSD +\S+ +{factors['circuit']:.4f} +{factors['data']:.4f} ± ", diagnosed.out
    )
    assert diagnosed.out.rstrip().endswith(f"in a report  qfin report {artifact.ref}")
    assert max(len(line) for line in diagnosed.out.splitlines()) <= 120


def test_gates_come_in_order_and_the_rest_is_said_to_be_in_the_file(diagnosed, quantum):
    artifact = Store(quantum[1]).get(diagnosed.out.splitlines()[0])
    gates = pd.read_parquet(artifact.path("gates.parquet"))
    shown = diagnosed.out[diagnosed.out.index("gates: what") :]
    rows = re.findall(r"^ +(\d+) +(r\w+) +(\S+ \d(?:, \S+ \d)?) +[+-]", shown, re.MULTILINE)
    wanted = gates.head(10)[["position", "gate", "bits"]].astype(str)
    assert rows == [tuple(row) for row in wanted.to_numpy()]
    text = " ".join(shown.split())
    assert f"{len(gates) - 10} more: gates.parquet of {artifact.ref}" in text
    assert f"{gates['idle'].sum()} of {len(gates)} change no outcome" in text


def test_an_artifact_can_be_named_and_found_again(qfin, quantum, diagnosed):
    _, store = quantum
    model = Store(store).get(diagnosed.out.splitlines()[0]).parents["model"]
    again = qfin("diagnose", model, "-s", store, "--samples", 20, "--layers", "1-2", "--qubits", "4-6, 7,8")
    assert again.out == diagnosed.out
    assert again.err.split()[-1] == "reused"


def test_a_report_takes_it_and_finds_the_rest(qfin, quantum, diagnosed):
    path, store = quantum
    diagnosis = diagnosed.out.splitlines()[0]
    made = qfin("report", diagnosis, "--config", path, "--store", store)
    assert made.code == 0
    report = Store(store).get(made.out.splitlines()[0])
    assert sorted(report.parents) == ["diagnosis_0", "risk_0", "risk_1", "stress_0"]
    assert report.parents["diagnosis_0"] == diagnosis
    assert report.summary["models"] == ["Born machine", "Gaussian copula"]
    assert diagnosis in qfin("show", report.ref, "--store", store).out


def test_mistakes_are_one_line(qfin, quantum, diagnosed):
    path, store = quantum
    common = ("--config", path, "--store", store)
    before = Store(store).refs("diagnose")
    for arguments, message in {
        (
            "--model",
            "gaussian",
        ): "is a 'gaussian' model, which has no circuit to diagnose; models that have one: born",
        ("--qubits", "4;6"): "--qubits '4;6' is not understood; wanted numbers such as 6,8,10 or 6-12",
        ("--layers", "8-4"): "layers = none; wanted at least one, from 1 to 64",
        ("--samples", "2"): "samples = 2; wanted at least 10",
        (before[0],): f"{before[0]} is an artifact of 'diagnose'; wanted one of 'train'",
    }.items():
        outcome = qfin("diagnose", *arguments, *common)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.splitlines()[-1].startswith("error: ")
        assert message in outcome.err
        assert "Traceback" not in outcome.err
    assert Store(store).refs("diagnose") == before


def test_a_report_takes_nothing_else(qfin, quantum, diagnosed):
    _, store = quantum
    model = Store(store).refs("train")[0]
    outcome = qfin("report", model, "--store", store)
    assert outcome.err.endswith(
        f"error: {model} is an artifact of 'train'; wanted one of 'risk' or 'diagnose' or 'stress' or 'race' or "
        "'backtest'\n"
    )
