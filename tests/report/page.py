"""Opens the report of a run in headless Chromium and holds the values that it shows against metrics.jsonl.

    python3 tests/report/page.py [RUN] [--camo build/camo] [--out SCREENSHOTS]

Without RUN it trains one, small and for three epochs.  Every value under a pointer that rests on a chart must be that of
metrics.jsonl; resting on an epoch must show its points, a touch on a telephone its values; the page must fit 1280 and 390
pixels and a sheet of paper, must ask for nothing but itself, and must be 3 MB at most.  With --out it takes pictures of the page.
Exit status 0: all as expected; 77: skipped, there is no Chromium.  Needs the standard library and chromium.
"""
import argparse
import base64
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from browser import Browser, check, exit_without_browser, failures, wait_for  # noqa: E402

# (title of the chart, name of the line, key of metrics.jsonl, unit)
LINES = [("loss", "loss", "loss", 1), ("terms of the loss", "structure", "loss_structure", 1),
         ("IoU, Dice", "IoU", "iou", 1), ("IoU, Dice", "Dice", "dice", 1),
         ("mean absolute error", "mean absolute error", "mae", 1), ("S and E", "S", "S", 1),
         ("F", "F_weighted", "F_weighted", 1), ("precision, recall", "recall", "recall", 1),
         ("learning rate", "learning rate", "lr", 1), ("gradient norm", "mean", "grad_norm", 1),
         ("images a second", "images a second", "images_per_second", 1), ("minutes an epoch", "minutes an epoch", "seconds", 60),
         ("memory, GB", "in use", "memory", 1e9)]

HITS = """[...document.querySelectorAll('svg')].flatMap((svg) => [...svg.querySelectorAll('.hit')].map((hit) =>
  [svg.getAttribute('aria-label'), hit.querySelector('title').textContent]))"""
SECOND_OF_LOSS = "document.querySelectorAll('svg[aria-label=\"loss\"] .hit')[1]"
MIDDLE = "(() => { %s.scrollIntoView({block: 'center'}); const r = %s.getBoundingClientRect();" \
         "return [r.x + r.width / 2, r.y + r.height / 2]; })()" % (SECOND_OF_LOSS, SECOND_OF_LOSS)


def check_values(browser, metrics):
    """Every epoch that a chart shows has the values of that epoch, to the digits shown."""
    hits = browser.value(HITS)
    for chart, line, key, unit in LINES:
        if key not in metrics[0]:
            continue  # a run scores what it is told to monitor
        shown = {}
        for label, title in hits:
            rows = title.split("\n")
            for row in rows[1:]:
                if label == chart and row.startswith(line + " "):
                    shown[int(rows[0].split()[1])] = float(row[len(line) + 1:])
        wanted = {row["epoch"]: row[key] / unit for row in metrics if isinstance(row.get(key), (int, float))}
        same = shown.keys() <= wanted.keys() and all(math.isclose(v, wanted[e], rel_tol=1e-3) for e, v in shown.items())
        check(same and shown and (len(wanted) > 100 or len(shown) == len(wanted)),
              f"{chart}, {line}: {len(shown)} values are those of metrics.jsonl")


def check_pointer(browser, metrics):
    """Resting on the second epoch shows its points alone; a touch shows its values."""
    x, y = browser.value(MIDDLE)
    opacity = "[...document.querySelectorAll('svg[aria-label=\"loss\"] .hit')].map((h) => getComputedStyle(h.querySelector('circle')).opacity)"
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    shown = browser.value(opacity)
    check([i for i, o in enumerate(shown) if o == "1"] == [1], f"the pointer shows the point under it: {shown[:4]}")
    browser.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    browser.call("Emulation.setTouchEmulationEnabled", enabled=True)
    x, y = browser.value(MIDDLE)
    for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
        browser.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
    wait_for(lambda: browser.value("document.getElementById('value').textContent"), "the value under the finger")
    said = browser.value("document.getElementById('value').textContent")
    loss = float(said.split()[-1])
    check(math.isclose(loss, metrics[1]["loss"], rel_tol=1e-3), f"a touch shows {said.split()}")
    browser.call("Emulation.setTouchEmulationEnabled", enabled=False)
    browser.value("document.body.dispatchEvent(new PointerEvent('pointerdown', {pointerType: 'touch', bubbles: true}))")


def check_print(browser, out):
    pdf = base64.b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])
    check(pdf.startswith(b"%PDF"), f"it prints: {pdf.count(b'/Type /Page') - pdf.count(b'/Type /Pages')} pages")
    browser.call("Emulation.setEmulatedMedia", media="print")
    browser.picture(718, out / "report-print.png")  # A4 without its margins
    browser.call("Emulation.setEmulatedMedia", media="")


def drive(browser, report, metrics, out):
    for domain in ("Page", "Runtime", "Network", "Log"):
        browser.call(domain + ".enable")
    browser.call("Page.navigate", url=report.as_uri())
    wait_for(lambda: browser.value("document.readyState") == "complete" and browser.value("location.protocol") == "file:", "the page")
    check_values(browser, metrics)
    browser.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    check_pointer(browser, metrics)
    for width in (1280, 390):
        browser.picture(width, out / f"report-{width}.png")
    check_print(browser, out)
    asked = [e["params"]["request"]["url"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"]
    foreign = [u for u in asked if u != report.as_uri() and not u.startswith("data:")]
    check(asked and not foreign, f"the page asks for nothing but itself {foreign[:2]}")
    said = [e for e in browser.events if e.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")]
    check(not said, f"no errors in the console {said[:2]}")
    check(report.stat().st_size <= 3e6, f"{report.stat().st_size / 1e3:.0f} kB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?")
    parser.add_argument("--camo", default=str(pathlib.Path(__file__).resolve().parents[2] / "build" / "camo"))
    parser.add_argument("--out")
    arguments = parser.parse_args()
    exit_without_browser()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        run = pathlib.Path(arguments.run or os.path.join(folder, "run")).resolve()
        if not arguments.run:
            subprocess.run([arguments.camo, "train", "--data", "synthetic", "--out", str(run), "--size", "32", "--count", "40",
                            "--batch-size", "4", "--epochs", "3", "--monitor", "S"], check=True, stdout=subprocess.DEVNULL)
        metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        out = pathlib.Path(arguments.out or folder)
        out.mkdir(parents=True, exist_ok=True)
        browser = Browser(os.path.join(folder, "chromium"))
        try:
            drive(browser, run / "report.html", metrics, out)
        finally:
            browser.process.send_signal(signal.SIGTERM)
            browser.process.wait(timeout=60)
    print(f"failed: {len(failures)}" if failures else "all as expected")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
