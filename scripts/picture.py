"""Take the README's pictures from a running demo: `.venv/bin/python scripts/picture.py`. Needs Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def stanch(*arguments: str) -> Any:
    done = subprocess.run(
        [Path(sys.executable).with_name("stanch"), *arguments, "--json"],
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    return json.loads(done.stdout)


def waiting_run(patience: float = 90.0) -> str:
    """Address of the run's page, as soon as it waits for a person."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            found = [line["run"] for line in stanch("runs", "--open") if line["phase"] == "waiting"]
        except subprocess.CalledProcessError:
            found = []
        if found:
            return str(stanch("show", found[0])["url"])
        time.sleep(1)
    raise SystemExit("the demo did not come to its question")


def shoot(browser: Browser, url: str) -> None:
    page = browser.new_page(viewport={"width": 1480, "height": 1060})
    page.goto(url)
    page.get_by_text("page incident_commander for roll_back").first.wait_for()
    page.screenshot(path=ROOT / "docs/images/run.png")
    page.get_by_text("User Metadata").first.click()
    # The page shows Markdown in frames of their own.
    page.wait_for_selector("iframe")
    for frame in page.frames:
        frame.wait_for_load_state()
    page.wait_for_timeout(2000)
    page.screenshot(path=ROOT / "docs/images/answer.png")


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as state:
        command = [str(Path(sys.executable).with_name("stanch")), "up", "--demo", "--state", state]
        demo = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            url = waiting_run()
            with sync_playwright() as play:
                shoot(play.chromium.launch(executable_path=chromium, args=FLAGS), url)
        finally:
            demo.terminate()
            demo.wait()


if __name__ == "__main__":
    main()
