"""Drives the page of camo serve in headless Chromium, and holds what it shows against camo predict.

    python3 tests/serve/page.py --weights RUN --photographs FOLDER [--camo build/camo] [--out SCREENSHOTS]

Chooses the photographs through the file input, waits for the results, moves the slider of one by the keyboard's events, and
compares every pixel of the canvas: the map with OUT/map of camo predict, the overlay with OUT/mask at that threshold (what is
no object is the photograph itself).  Also a file that is no picture, whose message must stand beside its name, and that
the page asks for nothing but what this server gives.  With --out it takes pictures of the page at 1280 and 390 pixels.
Exit status 0: all as expected, or skipped without Chromium.  Needs the standard library and chromium.
"""

import argparse
import base64
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib


class Browser:
    """The DevTools protocol over a websocket (RFC 6455), as much of it as is needed."""

    def __init__(self, folder):
        words = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
                 "--force-color-profile=srgb", f"--user-data-dir={folder}", "about:blank"]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port_file = pathlib.Path(folder) / "DevToolsActivePort"
        wait_for(lambda: port_file.exists() and port_file.read_text().count("\n") >= 1, "Chromium's port", 60)
        self.port = int(port_file.read_text().split()[0])
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/json/list") as answer:
            page = next(p for p in json.load(answer) if p["type"] == "page")
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        path = page["webSocketDebuggerUrl"].split(str(self.port), 1)[1]
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        while self.file.readline() != b"\r\n":
            pass
        self.count, self.events = 0, []

    def read_message(self):
        out = b""
        while True:
            first, size = self.file.read(2)
            if size == 126:
                size, = struct.unpack(">H", self.file.read(2))
            elif size == 127:
                size, = struct.unpack(">Q", self.file.read(8))
            out += self.file.read(size)
            if first & 128:
                return json.loads(out)

    def call(self, method, **parameters):
        self.count += 1
        body = json.dumps({"id": self.count, "method": method, "params": parameters}).encode()
        size = struct.pack(">BH", 254, len(body)) if len(body) < 65536 else struct.pack(">BQ", 255, len(body))
        self.socket.sendall(b"\x81" + size + b"\0\0\0\0" + body)  # the mask is zero
        while True:
            message = self.read_message()
            if message.get("id") == self.count:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def value(self, script):
        out = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in out:
            sys.exit(f"{script}: {out['exceptionDetails']}")
        return out["result"].get("value")

    def picture(self, width, file):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        time.sleep(0.5)
        height = self.value("document.documentElement.scrollHeight")
        wide = self.value("document.documentElement.scrollWidth")
        check(wide <= width, f"the page fits {width} pixels, got {wide}")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 4000), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)["data"]
        pathlib.Path(file).write_bytes(base64.b64decode(data))


failures = []


def check(good, what):
    print(("ok      " if good else "FAILED  ") + what)
    if not good:
        failures.append(what)


def wait_for(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited {seconds} s for {what}")
        time.sleep(0.05)


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camo", default=str(pathlib.Path(__file__).resolve().parents[2] / "build" / "camo"))
    parser.add_argument("--weights", required=True)
    parser.add_argument("--photographs", required=True, help="a folder; its first three PNG files of RGB are taken")
    parser.add_argument("--threshold", type=float, default=0.6)
    parser.add_argument("--flags", default="", help="further flags of camo serve and predict")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    if not shutil.which("chromium"):
        print("skipped: there is no chromium  [apt-get install chromium]")
        return 0
    photographs = sorted(pathlib.Path(arguments.photographs).resolve().glob("*.png"))[:3]
    with tempfile.TemporaryDirectory() as folder:
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
