"""Flow runs on a backend: tuned, submitted, drawn, and told to Prefect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qfin.store import Store
from tests.flows.conftest import SMALL

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("server"), pytest.mark.usefixtures("server")]


def test_a_daily_run_tunes_and_draws_on_the_backend(
    store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from flows.daily import daily
    from qfin.stages.config import RunConfig

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    born: dict[str, Any] = {"kind": "born", "bits": 1, "steps": 2, "data_weight": 1.0, "layers": 1}
    changes = {"dependence": born, "backend": "aer", "tuning": {"steps": 2, "shots": 100}}
    done = daily(RunConfig.model_validate({**SMALL, **changes}), store=store)
    opened = Store(store)
    (tuned,) = [opened.get(ref) for ref in done["refs"] if ref.startswith("tune/")]
    drawn = [opened.get(ref) for ref in done["refs"] if ref.startswith("generate/")]
    assert [one.parents.get("tuned") for one in drawn] == [tuned.ref, None]
    assert [one.summary.get("backend") for one in drawn] == ["aer", None]
    assert "Certificate" in Path(done["report"]).read_text(encoding="utf-8")
