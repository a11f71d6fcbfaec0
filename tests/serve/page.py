"""Drives the page of camo serve in headless Chromium, and holds what it shows against camo predict.

    python3 tests/serve/page.py [--weights RUN --photographs FOLDER] [--camo build/camo] [--out SCREENSHOTS]

Without --weights it trains a small network on synthetic photographs and takes three of those.  Chooses the photographs through the file input, waits for the results, moves the slider of one by the keyboard's events, and
compares every pixel of the canvas: the map with OUT/map of camo predict, the overlay with OUT/mask at that threshold (what is
no object is the photograph itself).  Also a file that is no picture, whose message must stand beside its name, and that
the page asks for nothing but what this server gives.  With --out it takes pictures of the page at 1280 and 390 pixels.
Exit status 0: all as expected; 77: skipped, there is no Chromium.  Needs the standard library and chromium.
"""

import argparse
import base64
import json
import os
import pathlib
import re
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from browser import Browser, check, exit_without_browser, failures, wait_for  # noqa: E402


def read_png(path):
    """Rows of a PNG of 8 bits, grey or RGB, without interlacing: (width, height, channels, bytes)."""
    data, at, pixels = pathlib.Path(path).read_bytes(), 8, b""
    width, height, bits, colour = struct.unpack(">IIBB", data[16:26])
    assert bits == 8 and colour in (0, 2), path
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        pixels += data[at + 8:at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    raw, n, out = zlib.decompress(pixels), 3 if colour else 1, bytearray()
    before = bytes(width * n)
    for y in range(height):
        row = bytearray(raw[y * (width * n + 1) + 1:(y + 1) * (width * n + 1)])
        kind = raw[y * (width * n + 1)]
        for i in range(len(row)):
            a, b, c = (row[i - n] if i >= n else 0), before[i], (before[i - n] if i >= n else 0)
            p = a + b - c
            paeth = min((a, b, c), key=lambda v: abs(p - v))
            row[i] = row[i] + (0, a, b, (a + b) // 2, paeth)[kind] & 255
        out += row
        before = bytes(row)
    return width, height, n, bytes(out)


CARD = "[...document.querySelectorAll('article')].find((a) => a.querySelector('h2').textContent === %s)"


def canvas_pixels(browser, card):
    script = ("(() => { const c = %s.querySelector('.picture canvas');"
              "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
              "let s = ''; for (let i = 0; i < d.length; i += 4) s += String.fromCharCode(d[i], d[i + 1], d[i + 2]);"
              "return btoa(s); })()" % card)
    return base64.b64decode(browser.value(script))


def compare(browser, photograph, predicted, threshold):
    """One photograph, whose result is shown."""
    name, card = photograph.name, CARD % json.dumps(photograph.name)
    width, height, _, grey = read_png(predicted / "map" / (photograph.stem + ".png"))
    mask = read_png(predicted / "mask" / (photograph.stem + ".png"))[3]
    colours = read_png(photograph)
    rgb = colours[3] if colours[2] == 3 else bytes(v for v in colours[3] for _ in range(3))
    set_slider = "(() => { const s = %s.querySelector('input'); s.value = %s; s.dispatchEvent(new Event('input')); })()"
    browser.value(set_slider % (card, threshold))
    browser.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    check(browser.value(f"{card}.querySelector('output').textContent") == f"{threshold:.2f}", f"{name}: threshold {threshold}")
    seen, expected = canvas_pixels(browser, card), bytearray()
    for i, inside in enumerate(mask):
        r, g, b = rgb[3 * i:3 * i + 3]
        expected += bytes(((r + 255) >> 1, g >> 1, b >> 1) if inside else (r, g, b))
    check(seen == bytes(expected), f"{name}: the overlay is the photograph, red in the mask of camo predict")
    area = sum(1 for v in mask if v)
    shown = browser.value(f"{card}.querySelector('.area').textContent")
    check(f"{area:,} pixels" in shown if area else shown == "none", f"{name}: area {area}, shown as {shown}")
    browser.value(f"{card}.querySelector('[data-view=map]').click()")
    check(canvas_pixels(browser, card) == bytes(v for v in grey for _ in range(3)), f"{name}: the map is that of camo predict")
    browser.value(f"{card}.querySelector('[data-view=uncertainty]').click()")
    check(len(canvas_pixels(browser, card)) == 3 * width * height, f"{name}: uncertainty")
    browser.value(f"{card}.querySelector('[data-view=overlay]').click()")


def drive(browser, url, photographs, predicted, threshold, out):
    browser.call("Page.enable"), browser.call("Runtime.enable"), browser.call("Network.enable"), browser.call("DOM.enable")
    browser.call("Log.enable")
    browser.call("Page.navigate", url=url)
    wait_for(lambda: browser.value("document.readyState") == "complete" and
             browser.value("document.querySelector('#about').textContent") != "", "the page")
    wrong = predicted / "<b>no picture.png"
    wrong.write_text("GIF89a")
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    node = browser.call("DOM.querySelector", nodeId=root, selector="#files")["nodeId"]
    browser.call("DOM.setFileInputFiles", nodeId=node, files=[str(p) for p in [*photographs, wrong]])
    wait_for(lambda: browser.value("document.querySelectorAll('article .result:not([hidden])').length") == len(photographs) and
             browser.value("document.querySelectorAll('article.wrong').length") == 1, "the results", 120)
    message = browser.value((CARD % json.dumps(wrong.name)) + ".querySelector('.message').textContent")
    check("is no PNG or JPEG, but GIF" in message, f"a file that is no picture: {message}")
    for photograph in photographs:
        compare(browser, photograph, predicted, threshold)
    experts = browser.value("document.querySelectorAll('article li canvas').length")
    print(f"        {experts} pictures of experts")
    asked = [e["params"]["request"]["url"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"]
    foreign = [u for u in asked if not u.startswith((url, "blob:", "data:"))]
    check(not foreign, f"{len(asked)} requests, all to this server {foreign}")
    said = [e for e in browser.events if e.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")]
    said = [e for e in said if "warning" not in json.dumps(e) and "415" not in json.dumps(e)]  # no picture
    check(not said, f"no errors in the console {said[:2]}")
    if out:
        out.mkdir(parents=True, exist_ok=True)
        for width in (1280, 390):
            browser.picture(width, out / f"page-{width}.png")
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        browser.picture(1280, out / "page-1280-dark.png")


def train_small(arguments, folder):
    """A network of 32 x 32, and three synthetic photographs."""
    arguments.weights, data = os.path.join(folder, "run"), os.path.join(folder, "data")
    for words in (["train", "--data", "synthetic", "--out", arguments.weights, "--size", "32", "--count", "40", "--batch-size", "4",
                   "--epochs", "1"], ["synth", "--out", data, "--count", "3", "--size", "96x64"]):
        subprocess.run([arguments.camo, *words], check=True, stdout=subprocess.DEVNULL)
    arguments.photographs = os.path.join(data, "Image")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camo", default=str(pathlib.Path(__file__).resolve().parents[2] / "build" / "camo"))
    parser.add_argument("--weights")
    parser.add_argument("--photographs", help="a folder; its first three PNG files of RGB are taken")
    parser.add_argument("--threshold", type=float, default=0.6)
    parser.add_argument("--flags", default="", help="further flags of camo serve and predict")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    exit_without_browser()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if not arguments.weights:
            train_small(arguments, folder)
        photographs = sorted(pathlib.Path(arguments.photographs).resolve().glob("*.png"))[:3]
        predicted = pathlib.Path(folder) / "predicted"
        flags = shlex.split(arguments.flags)
        subprocess.run([arguments.camo, "predict", "--weights", arguments.weights, *map(str, photographs), "--out", str(predicted),
                        "--format", "png,mask", "--threshold", str(arguments.threshold), *flags], check=True, stdout=subprocess.DEVNULL)
        server = subprocess.Popen([arguments.camo, "serve", "--weights", arguments.weights, "--port", "0", *flags],
                                  stdout=open(pathlib.Path(folder) / "log", "w"), stderr=subprocess.STDOUT)
        browser = None
        try:
            log = pathlib.Path(folder) / "log"
            wait_for(lambda: re.search(r"open (\S+)", log.read_text()), "the server")
            url = re.search(r"open (\S+)", log.read_text()).group(1)
            browser = Browser(os.path.join(folder, "chromium"))
            drive(browser, url, photographs, predicted, arguments.threshold, arguments.out and pathlib.Path(arguments.out))
        finally:
            for process in filter(None, (browser and browser.process, server)):
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)
    print(f"failed: {len(failures)}" if failures else "all as expected")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
