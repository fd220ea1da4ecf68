"""Error budgets of a trained model: each source found where it is put in, and nowhere else."""

from __future__ import annotations

import json

from qfin import stages


def budgets(config, store) -> dict[str, dict[str, float]]:
    """Errors by measure and source, of the configured model."""
    made = stages.run(config.model_copy(update={"rivals": []}), store)
    risk = next(a for a in made.artifacts if a.stage == "risk")
    found = {b["measure"]: b for b in json.loads(risk.path("risk.json").read_text())["error_budget"]}
    for budget in found.values():
        assert budget["lower"] <= budget["value"] <= budget["upper"]
    return {m: {s["source"]: s["error"] for s in b["sources"]} for m, b in found.items()}


SOURCES = ["discretisation", "model fit", "finite shots", "device noise", "finite scenarios", "proxy prices"]


def test_a_copula_without_a_grid_has_sampling_and_fit_alone(small, store):
    for errors in budgets(small(), store).values():
        assert list(errors) == SOURCES
        assert errors["model fit"] > 0
        assert errors["finite scenarios"] > 0
        assert errors["discretisation"] == errors["finite shots"] == errors["device noise"] == 0


def test_more_bits_leave_less_to_the_place_in_a_cell(small, store, tmp_path):
    """Of two currencies held together, whose loss is theirs together."""
    held = [
        {"instrument": "cash_position", "name": code, "quantity": 1e6, "currency": code}
        for code in ("EUR", "GBP")
    ]
    book = tmp_path / "book.json"
    book.write_text(json.dumps({"name": "Two", "base_currency": "USD", "trades": held}))
    coarse, fine = (
        budgets(
            small(
                dependence={"kind": "empirical_blend", "bits": bits},
                portfolio=str(book),
                scenarios={"count": 2000, "horizon": 1},
            ),
            store,
        )["ES"]["discretisation"]
        for bits in (1, 3)
    )
    assert coarse > 2 * fine > 0


def test_more_scenarios_leave_less_to_chance(small, store):
    few, many = (
        budgets(small(scenarios={"count": count, "horizon": 1}), store)["ES"]["finite scenarios"]
        for count in (400, 10_000)
    )
    assert few > 2.5 * many


def test_it_can_be_left_out(small, store):
    made = stages.run(small(measures={"error_budget": False}), store)
    risk = next(a for a in made.artifacts if a.stage == "risk")
    assert "error_budget" not in risk.json("risk.json")
