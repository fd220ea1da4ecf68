"""The grid: laws of bins, codes and cells, and the order of bits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfin.errors import ConfigError, DataError
from qfin.quantum import BINS, CODES, Grid

kinds = st.tuples(st.sampled_from(BINS.kinds()), st.sampled_from(CODES.kinds()))
units = st.floats(0.0, 1.0, exclude_min=True, exclude_max=True)


@pytest.mark.parametrize("bits", range(1, 11))
@pytest.mark.parametrize("kind", BINS.kinds())
def test_edges_cut_the_unit_interval_symmetrically(kind: str, bits: int) -> None:
    edges = BINS.build(kind).edges(bits)
    assert edges.shape == (2**bits + 1,)
    assert (edges[0], edges[-1]) == (0.0, 1.0)
    assert (np.diff(edges) > 0).all()
    np.testing.assert_allclose(edges, 1.0 - edges[::-1], atol=1e-15)


def test_tail_refined_edges() -> None:
    bins = BINS.build("tail_refined")
    np.testing.assert_allclose(bins.edges(3), [0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 1], atol=1e-15)
    for bits in range(1, 8):
        np.testing.assert_allclose(bins.edges(bits + 1)[::2], bins.edges(bits), atol=1e-15)
        assert bins.edges(bits)[1] == pytest.approx(5.0 ** (1 - bits) / 2)


def test_equal_width_edges_are_normal_quantiles() -> None:
    from scipy.stats import norm

    np.testing.assert_allclose(
        BINS.build("equal_width").edges(2)[1:-1], norm.cdf([-1.5, 0.0, 1.5]), atol=1e-15
    )


@pytest.mark.parametrize("kind", CODES.kinds())
@pytest.mark.parametrize("bits", [1, 2, 3, 5, 10])
def test_a_code_is_one_to_one(kind: str, bits: int) -> None:
    code, bins = CODES.build(kind), np.arange(2**bits)
    words = code.encode(bins, bits)
    assert sorted(words) == list(bins)
    assert (code.decode(words, bits) == bins).all()


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_gray_neighbours_differ_in_one_bit_and_mirrored_bins_in_the_top_one(bits: int) -> None:
    words = CODES.build("gray").encode(np.arange(2**bits), bits)
    assert (np.bitwise_count(words[1:] ^ words[:-1]) == 1).all()
    assert (words ^ words[::-1] == 1 << (bits - 1)).all()


@given(kinds, st.integers(1, 6), st.lists(st.lists(units, min_size=3, max_size=3), min_size=1, max_size=20))
def test_decoding_stays_in_the_cell(kind: tuple[str, str], bits: int, rows: list[list[float]]) -> None:
    grid = Grid(bits, 3, *kind)
    outcomes = grid.encode(np.array(rows))
    lower, upper = grid.cell_bounds(outcomes)
    assert ((lower <= rows) & (rows < upper)).all()
    points = grid.decode(outcomes, np.random.default_rng(0))
    assert ((points > 0.0) & (points < 1.0)).all()
    assert (grid.encode(points) == outcomes).all()


@given(kinds, st.integers(1, 8), st.lists(units, min_size=2, max_size=30))
def test_encoding_is_monotone_through_the_bins(kind: tuple[str, str], bits: int, values: list[float]) -> None:
    grid = Grid(bits, 1, *kind)
    column = np.sort(values)[:, None]
    bins = grid.bins_of(grid.encode(column))[:, 0]
    assert (np.diff(bins) >= 0).all()
    assert (bins == grid.bin_index(column)[:, 0]).all()


@given(kinds, st.integers(1, 4), st.integers(1, 3))
def test_cell_volumes_are_the_products_of_their_sides(kind: tuple[str, str], bits: int, d: int) -> None:
    grid = Grid(bits, d, *kind)
    lower, upper = grid.cell_bounds(np.arange(grid.n_cells))
    np.testing.assert_allclose(grid.cell_volumes(), (upper - lower).prod(axis=1), rtol=1e-12)
    assert grid.cell_volumes().sum() == pytest.approx(1.0, abs=1e-12)


def test_bits_are_little_endian_and_factors_in_order() -> None:
    grid = Grid(3, 2, "equal_probability", "binary")
    outcome = grid.encode(np.array([[1.5 / 8, 6.5 / 8]]))  # bins 1 and 6: words 001 and 110, factor 0 lowest
    assert outcome[0] == 0b110_001
    assert grid.bits_of(outcome).tolist() == [[1, 0, 0, 0, 1, 1]]
    assert grid.bins_of(outcome).tolist() == [[1, 6]]


def test_bin_masses_are_marginals() -> None:
    grid = Grid(2, 3)
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.ones(grid.n_cells))
    expected = np.zeros((3, 4))
    for outcome, bins in enumerate(grid.bins_of(np.arange(grid.n_cells))):
        expected[np.arange(3), bins] += p[outcome]
    np.testing.assert_allclose(grid.bin_masses(p), expected, atol=1e-15)


def test_decoding_is_uniform_inside_the_cell() -> None:
    grid = Grid(2, 1)
    points = grid.decode(np.full(20_000, grid.encode(np.array([[0.2]]))[0]), np.random.default_rng(5))
    quantiles = np.quantile(points, [0.25, 0.5, 0.75])  # the cell is (.1, .5): a quarter of it is a quarter
    np.testing.assert_allclose(quantiles, [0.2, 0.3, 0.4], atol=0.006)


def test_a_grid_goes_through_json_and_its_edges_are_checked() -> None:
    grid = Grid(4, 3, "equal_width", "binary")
    stored = json.loads(json.dumps(grid.to_dict()))
    assert Grid.from_dict(stored) == grid
    stored["edges"][3] += 1e-6
    with pytest.raises(DataError, match="stored edges are not those of 'equal_width' bins"):
        Grid.from_dict(stored)


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match="1 to 16 bits a factor, not 0"):
        Grid(0, 2)
    with pytest.raises(ConfigError, match="has 64 qubits; wanted 1 to 62"):
        Grid(16, 4)
    with pytest.raises(ConfigError, match="no kind of bins 'tail_refind'; did you mean 'tail_refined'"):
        Grid(3, 2, "tail_refind")
    grid = Grid(3, 2)
    with pytest.raises(DataError, match=r"U\[1, 0\] = 1.5 is not in \[0, 1\]"):
        grid.encode(np.array([[0.5, 0.5], [1.5, 0.5]]))
    with pytest.raises(DataError, match=r"U\[0, 1\] = nan"):
        grid.encode(np.array([[0.5, np.nan]]))
    with pytest.raises(DataError, match="reach from 0 to 64; wanted 0 to 63"):
        grid.bins_of(np.array([0, 64]))
