"""Promises that hold between files: who imports whom, what is locked, what is cheap to import."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ["requirements.lock", "requirements-test.lock"]
INSTALLED = ("build", "aer", "ibm")


def test_imports_run_one_way():
    """The contracts of pyproject.toml, by import-linter."""
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", run.stdout)


def _pinned(lock):
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    return {m[1]: m[2] for line in lines if (m := re.match(r"([a-z0-9][a-z0-9._-]*)==([^ ;]+)", line))}


def _asked(*extras):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [
        r for extra in extras for r in project["optional-dependencies"][extra]
    ]
    return {re.split(r"[^A-Za-z0-9_.-]", r)[0].lower().replace("_", "-") for r in wanted}


def test_locks_pin_everything_that_is_asked_for_and_agree():
    run, test = map(_pinned, LOCKS)
    assert _asked(*INSTALLED) <= run.keys()
    assert _asked(*INSTALLED, "test") <= test.keys()
    assert {name: test[name] for name in run} == run


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_host(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(re.findall(r"^[a-z0-9][^ ]*==", text, flags=re.MULTILINE)) > 100
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert "index-url" not in text


CHEAP = {
    "qfin": ["numpy", "pydantic"],
    "qfin.cli._app": [
        "pandas",
        "scipy",
        "sklearn",
        "qiskit",
        "numba",
        "prefect",
        "QuantLib",
        "matplotlib",
    ],
    "qfin.stages": ["pandas", "scipy", "sklearn", "qiskit", "numba", "QuantLib"],
    "qfin.stages.config": ["pandas", "scipy", "sklearn", "qiskit", "numba", "QuantLib"],
    "qfin.market": ["sklearn", "scipy.stats", "qiskit", "numba"],
    "qfin.quantum": ["qiskit", "numba", "sklearn"],
    "qfin.report": ["pandas", "jinja2", "qiskit"],
    "qfin.risk": ["QuantLib", "qiskit", "sklearn"],
}


@pytest.mark.parametrize("module", CHEAP)
def test_what_importing_a_room_does_not_import(module):
    code = f"import {module}, sys; print(*[m for m in {CHEAP[module]} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
