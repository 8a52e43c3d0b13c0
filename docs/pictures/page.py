"""
Take the pictures of the live page: ``python docs/pictures/page.py CORE_DB DEMO_DB``.

Needs Chromium and Playwright's Python package. CORE_DB holds the sections of one core with its
measured log, DEMO_DB is that of ``downcore demo``. Images are found where the stores say, counted
from the folder of the store where that is relative.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def take(
    browser: Browser, db: Path, out: Path, *, size: tuple[int, int], theme: str, place: str
) -> None:
    """Write a picture of the page of a database."""
    port = free_port()
    command = [sys.executable, "-m", "downcore", "view", str(db.resolve()), "--port", str(port)]
    with subprocess.Popen(command, cwd=db.resolve().parent) as server:  # noqa: S603 - our own program
        try:
            for _ in range(100):
                with socket.socket() as one:
                    if one.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            view = {"width": size[0], "height": size[1]}
            page = browser.new_page(viewport=view, color_scheme=theme)
            page.goto(f"http://127.0.0.1:{port}/{place}")
            page.wait_for_selector("body[data-ready]")
            page.wait_for_load_state("load")
            page.wait_for_timeout(1500)
            box = page.locator("#log").bounding_box()
            page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.45 * box["height"])
            page.wait_for_timeout(200)
            page.screenshot(path=out)
        finally:
            server.terminate()


def main() -> None:
    """Take the three pictures of the documents, and one for a tablet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("core_db", type=Path)
    parser.add_argument("demo_db", type=Path)
    parser.add_argument("--out", type=Path, default=HERE)
    asked = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        shots = (
            ("page-core.png", asked.core_db, (1280, 800), "light", "#depth=core"),
            ("page-dark.png", asked.demo_db, (1280, 800), "dark", ""),
            ("page-tablet.png", asked.core_db, (820, 1180), "light", ""),
            ("page-phone.png", asked.demo_db, (390, 844), "light", ""),
        )
        for name, db, size, theme, place in shots:
            take(browser, db, asked.out / name, size=size, theme=theme, place=place)
        browser.close()


if __name__ == "__main__":
    main()
