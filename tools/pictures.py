"""`make pictures`: the pictures of README.md, taken of what `make demo` left, in a real browser."""

from __future__ import annotations

import shutil
import sys

from checkout import ROOT
from playwright.sync_api import sync_playwright

DEMO = ROOT / "build" / "demo"
PICTURES = ROOT / "docs" / "images"
WIDTH = 1200
PAGES = {"dashboard": ("fitness.html", 780), "map": ("map.html", 640)}
"""Picture -> the page of the demo, and how many pixels of its height are shown."""


def main() -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser or not (DEMO / "fitness.html").exists():
        sys.exit("It takes Chromium, and what `make demo` leaves.")
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, (page, height) in PAGES.items():
            tab = chromium.new_page(viewport={"width": WIDTH, "height": height}, device_scale_factor=1.5)
            tab.goto((DEMO / page).as_uri())
            tab.wait_for_timeout(500)
            tab.screenshot(path=PICTURES / f"{name}.png")
            print(f"wrote docs/images/{name}.png")
        chromium.close()


if __name__ == "__main__":
    main()
