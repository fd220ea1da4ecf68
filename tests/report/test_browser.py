"""The report in a real browser: what is drawn, what fits, what is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
WIDTHS = [1280, 768, 390]
# loss, tail, 2 scores, running total, 4 marginals, 6 pairs, 2 matrices, 6 tails, 2 of training, 4 histories
PLOTS = 29


class Visit:
    """A page opened without a network, with everything it complained of or asked for."""

    def __init__(self, browser: Any, path: Path, width: int, height: int = 800) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.context.route("**/*", self._route)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())

    def _route(self, route: Any) -> None:
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            self.requests.append(route.request.url)
            route.abort()


@pytest.fixture(scope="module")
def path(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(page, encoding="utf-8")
    return file


@pytest.fixture
def visit(chromium: Any, path: Path) -> Iterator[Callable[..., Visit]]:
    opened: list[Visit] = []

    def open_(width: int, file: Path = path) -> Visit:
        opened.append(Visit(chromium, file, width))
        return opened[-1]

    yield open_
    for one in opened:
        one.context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_it_opens_without_network_complaint_or_overflow(visit: Callable[..., Visit], width: int) -> None:
    opened = visit(width)
    root = "document.documentElement"
    opened.page.evaluate(f"window.scrollTo(0, {root}.scrollHeight)")
    opened.page.wait_for_timeout(100)
    assert opened.complaints == []
    assert opened.requests == []
    assert opened.page.evaluate(f"{root}.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_every_plot_is_drawn_inside_the_page(visit: Callable[..., Visit], width: int) -> None:
    boxes = visit(width).page.evaluate("""[...document.querySelectorAll('svg.plot')].map(svg => {
        const box = svg.getBoundingClientRect();
        return {width: box.width, height: box.height, left: box.left, right: box.right,
                scrolls: !!svg.closest('.scroll'), marks: svg.querySelectorAll('path,rect').length};
    }).filter(box => box.width > 0)""")
    assert len(boxes) == PLOTS
    for box in boxes:
        assert box["height"] > 60
        assert box["marks"] > 0
        assert box["left"] >= 0
        assert box["scrolls"] or box["right"] <= width + 1


@pytest.mark.parametrize("width", WIDTHS)
def test_texts_of_plots_can_be_read_and_stay_inside(visit: Callable[..., Visit], width: int) -> None:
    texts = visit(width).page.evaluate("""[...document.querySelectorAll('svg.plot text')].map(text => {
        const box = text.getBoundingClientRect(), svg = text.ownerSVGElement.getBoundingClientRect();
        const scale = svg.width / text.ownerSVGElement.viewBox.baseVal.width;
        const size = parseFloat(getComputedStyle(text).fontSize) * scale;
        return {text: text.textContent, shown: svg.width > 0, size,
                out: Math.max(svg.left - box.left, box.right - svg.right)};
    }).filter(text => text.shown)""")
    assert len(texts) > 100
    assert [t for t in texts if t["size"] < 8.5] == []
    assert [t for t in texts if t["out"] > 9] == []


def test_no_curve_leaves_its_plot(visit: Callable[..., Visit]) -> None:
    strays = visit(1280).page.evaluate("""[...document.querySelectorAll('svg.plot path')].map(path => {
        const box = path.getBoundingClientRect(), svg = path.ownerSVGElement.getBoundingClientRect();
        return {shown: svg.width > 0, plot: path.ownerSVGElement.getAttribute('aria-label'),
                mark: path.getAttribute('class'),
                out: Math.max(svg.left - box.left, box.right - svg.right, svg.top - box.top, box.bottom - svg.bottom)};
    }).filter(path => path.shown && path.out > 4)""")
    assert strays == []


def test_the_circuit_is_shown_and_scrolls_by_itself(visit: Callable[..., Visit]) -> None:
    size = visit(390).page.evaluate("""(() => {
        const image = document.querySelector('.drawing img'), box = image.parentElement;
        return [image.naturalWidth, image.getBoundingClientRect().height, box.scrollWidth > box.clientWidth];
    })()""")
    assert size[0] > 0
    assert size[1] > 100
    assert size[2]


def test_the_first_screen_holds_the_key_figures(visit: Callable[..., Visit]) -> None:
    page = visit(1280).page
    for selector, count in {
        "h1": 1, "header .value b": 1, ".key b": 2, ".key .bounds": 2, ".verdict p": 2, "table.models tbody tr": 5,
        ".first svg.plot:visible": 1,
    }.items():  # fmt: skip
        found = page.locator(selector)
        assert found.count() == count, selector
        for k in range(count):
            box = found.nth(k).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 800, selector


def test_navigation_follows_the_reader(visit: Callable[..., Visit]) -> None:
    page = visit(1280).page
    page.locator("nav a", has_text="Worst days").click()
    page.wait_for_function("document.querySelector('nav a.here')?.hash === '#worst'")
    assert page.locator("nav").bounding_box()["y"] == 0


def test_print_shows_every_plot_once_and_no_navigation(visit: Callable[..., Visit]) -> None:
    page = visit(390).page
    page.emulate_media(media="print")
    assert page.locator("svg.plot:visible").count() == PLOTS
    assert page.locator(".narrow:visible").count() == 0
    assert not page.locator("nav").is_visible()


def test_eighteen_factors_fit_too(
    visit: Callable[..., Visit], run_builder: Callable[..., Any], tmp_path: Path
) -> None:
    from qfin.market import RiskFactor
    from qfin.report import collect, render
    from qfin.store import Store

    factors = tuple(RiskFactor(f"USD{a}{b}{a}") for a in "ABCDEF" for b in "XYZ")
    store = Store(tmp_path / "store")
    file = tmp_path / "report.html"
    file.write_text(render(collect(run_builder(store, factors=factors, days=300, scenarios=300), store)))
    for width in (1280, 390):
        opened = visit(width, file)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.complaints == []
