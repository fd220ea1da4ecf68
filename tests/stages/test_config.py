from __future__ import annotations

import pytest

from qfin.errors import ConfigError
from qfin.shipped import shipped
from qfin.stages.config import RunConfig, load_config


def test_the_shipped_configuration_is_the_default():
    assert load_config(shipped("configs/daily.toml")) == RunConfig()


def test_the_default_passes_its_own_checks():
    assert RunConfig.model_validate(RunConfig().model_dump()) == RunConfig()


@pytest.mark.parametrize("path", sorted(shipped("configs").glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_configuration_names_a_portfolio_there_is(path):
    from pathlib import Path

    assert Path(load_config(path).portfolio).is_file()


def test_paths_are_relative_to_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    (tmp_path / "my.toml").write_text(
        'portfolio = "b.json"\nhistory.reader = { kind = "csv", path = "p.csv" }\n'
    )
    config = load_config(tmp_path / "my.toml")
    assert config.portfolio == str(tmp_path / "b.json")
    assert config.history.reader == {"kind": "csv", "path": str(tmp_path / "p.csv")}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (
            'dependence = "borm"',
            r"dependence: there is no dependence model 'borm'; did you mean 'born'\? choose one of: b",
        ),
        ('rivals = ["gausian"]', r"rivals.0: .*did you mean 'gaussian'"),
        ('dependence = { kind = "born", layer = 3 }', r"has no parameter 'layer'; did you mean 'layers'\?"),
        (
            'dependence = { kind = "born", layers = 0 }',
            r"layers = 0 is not allowed: .*greater than or equal to 1",
        ),
        (
            "volatility = { decay = 0.9 }",
            r"a volatility filter needs a 'kind'; choose one of: ewma, garch, none",
        ),
        ("dependence = 3", r"dependence: input should be a valid string"),
        ("seeds = 3", r"seeds: there is no such key; choose one of: seed, history"),
        (
            "[encoding]\nbit = 3",
            r"encoding.bit: there is no such key; choose one of: bits, bins, code, held_out_days",
        ),
        (
            '[[history.factors]]\nname = "A"\nunits = "x"',
            r"history.factors.0.units: .*choose one of: name, type, unit",
        ),
        ('[encoding]\nbins = "tail"', r"encoding.bins: input should be .*'tail_refined'"),
        ("history = 3", r"history: input should be"),
        ("seed = ", r"not a readable TOML file"),
    ],
)
def test_mistakes_name_file_and_key_and_list_the_choices(tmp_path, text, match):
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=match) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"no\.toml: there is no such configuration file"):
        load_config(tmp_path / "no.toml")
