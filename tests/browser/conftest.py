"""JupyterLab and Chromium for the tests of this folder: one of each a session."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path(os.environ.get("FLUO_CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-domain-reliability",
    "--disable-features=OptimizationHints,MediaRouter,Translate",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
PICTURES = Path(os.environ["FLUO_SCREENSHOTS"]) if os.environ.get("FLUO_SCREENSHOTS") else None
NOTEBOOK = "01_from_traces_to_rule.ipynb"


def lab_server() -> Any:
    spec = importlib.util.spec_from_file_location("lab_server", Path(__file__).with_name("lab_server.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class LabPage:
    """A browser page on the notebook, and what went wrong on it."""

    page: Any
    address: str
    external: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("request", lambda r: self.external.append(r.url) if self.is_external(r.url) else None)
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))

    def is_external(self, url: str) -> bool:
        return url.startswith(("http", "ws")) and "127.0.0.1" not in url.split("/")[2]

    def open(self, notebook: str) -> None:
        name = notebook.replace(".", "-")
        self.page.goto(f"{self.address}/lab/workspaces/auto-{name}/tree/{notebook}?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.wait_for_function(
            "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=60_000,
        )

    def execute(self, command: str, arguments: dict[str, Any] | None = None) -> None:
        self.page.evaluate(
            "([command, args]) => window.jupyterapp.commands.execute(command, args).then(() => null)",
            [command, arguments or {}],
        )

    def set_theme(self, theme: str) -> None:
        self.execute("apputils:change-theme", {"theme": theme})
        is_light = "true" if "Light" in theme else "false"
        self.page.wait_for_selector(f"body[data-jp-theme-light={is_light}]", state="attached")

    def read_cells(self) -> str:
        """Return the text of all cells, each scrolled to first: what is off the screen may not be drawn."""
        cells = self.page.locator(".jp-Notebook .jp-Cell")
        texts = []
        for at in range(cells.count()):
            cells.nth(at).evaluate("element => element.scrollIntoView({block: 'center'})")
            texts.append(cells.nth(at).inner_text())
        return "\n".join(texts)

    def shoot(self, name: str) -> None:
        """Save a picture of every cell with output, where ``FLUO_SCREENSHOTS`` names a folder."""
        if PICTURES is None:
            return
        outputs = self.page.locator(".jp-Notebook .jp-Cell:has(.jp-OutputArea-output)")
        for at in range(outputs.count()):
            self._picture(outputs.nth(at), f"{name}-{at + 1:02}")

    def shoot_one(self, selector: str, name: str) -> None:
        """Save a picture of one element, where ``FLUO_SCREENSHOTS`` names a folder."""
        if PICTURES is not None:
            self._picture(self.page.locator(selector).first, name)

    def _picture(self, element: Any, name: str) -> None:
        assert PICTURES is not None
        PICTURES.mkdir(parents=True, exist_ok=True)
        element.evaluate("element => element.scrollIntoView({block: 'center'})")
        element.screenshot(path=PICTURES / f"{name}.png")


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lab-root")
    shutil.copy(Path(__file__).parents[2] / "notebooks" / NOTEBOOK, root / NOTEBOOK)
    return root


@pytest.fixture(scope="session")
def lab_address(lab_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not CHROMIUM.exists():
        pytest.skip(f"BROWSER TESTS NOT RUN: {CHROMIUM} is missing (on Debian: apt-get install chromium)")
    with lab_server().serve(lab_folder, tmp_path_factory.mktemp("lab-home")) as address:
        yield address


@pytest.fixture
def lab_page(lab_address: str) -> Iterator[LabPage]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(viewport={"width": 1440, "height": 1800}, reduced_motion="reduce").new_page()
        opened = LabPage(page, lab_address)
        opened.watch()
        yield opened
        browser.close()
