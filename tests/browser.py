"""Chromium without a window, driven by its DevTools protocol: for the tests of pages (serve/page.py, report/page.py)."""
import base64
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.request


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

    def resize(self, width):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)

    def picture(self, width, file):
        self.resize(width)
        time.sleep(0.5)
        height = self.value("document.documentElement.scrollHeight")
        wide = self.value("document.documentElement.scrollWidth")
        check(wide <= width, f"the page fits {width} pixels, got {wide}")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 4000), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)["data"]
        pathlib.Path(file).write_bytes(base64.b64decode(data))


def exit_without_browser():
    """Skips the test, with the status that ctest knows; where CAMO_OPTIONAL asks for all that is optional, fails it."""
    if not shutil.which("chromium"):
        print("skipped: there is no chromium  [apt-get install chromium]")
        sys.exit(1 if os.environ.get("CAMO_OPTIONAL") else 77)


failures = []


def check(good, what):
    """Prints what was checked, and keeps it in `failures` if it is wrong."""
    print(("ok      " if good else "FAILED  ") + what)
    if not good:
        failures.append(what)


def wait_for(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited {seconds} s for {what}")
        time.sleep(0.05)
