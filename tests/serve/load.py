"""Sends camo serve many requests, good ones and hostile ones, and says how it took them.

    python3 tests/serve/load.py --weights RUN --photographs FOLDER [--camo build/camo] [--requests 1000] [--clients 16]
                                [--hostile 60] [--deadline 10] [--growth 2] [--flags "--waiting 8"]

Starts the server on a free port.  First a third of the requests as a warm-up, then all of them from so many clients at once:
each map must be the bytes that the first answer for its photograph had; an answer "busy" (503) is counted and the request
sent again.  Prints requests a second, the median and the 95th percentile of the time to an answer (retries apart), and the
server's resident memory after the warm-up and at the end, which may differ by so many percent (a sanitizer's own memory
grows: --growth 100).  Then so many hostile requests, each of
which must be answered within a second or cut at the deadline, and the server must still give the right bytes.  Exit status
0: all as expected.  Needs the standard library alone.
"""

import argparse
import http.client
import pathlib
import random
import re
import shlex
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib


def start(arguments):
    words = [arguments.camo, "serve", "--weights", arguments.weights, "--port", "0", "--deadline", str(arguments.deadline)]
    server = subprocess.Popen(words + shlex.split(arguments.flags), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in server.stdout:
        if found := re.match(r"open http://127\.0\.0\.1:(\d+)/", line):
            threading.Thread(target=lambda: [None for _ in server.stdout], daemon=True).start()  # its log
            return server, int(found.group(1))
        print(line, end="")
    sys.exit("the server has not started")


def resident(server):
    """Bytes."""
    words = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return 1024 * int(re.search(r"VmRSS:\s*(\d+)", words).group(1))


def post(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", "/predict?format=png", body, {"Content-Type": "application/octet-stream"})
    answer = connection.getresponse()
    out = answer.status, answer.read()
    connection.close()
    return out


class Load:
    """Requests from several clients at once, photograph after photograph."""

    def __init__(self, port, photographs):
        self.port, self.photographs, self.maps = port, photographs, {}
        self.times, self.busy, self.wrong, self.lock = [], 0, [], threading.Lock()

    def one(self, i):
        name, body = self.photographs[i % len(self.photographs)]
        while True:
            begin = time.monotonic()
            status, answer = post(self.port, body)
            if status != 503:
                break
            with self.lock:
                self.busy += 1
            time.sleep(random.uniform(0.02, 0.1))
        with self.lock:
            self.times.append(time.monotonic() - begin)
            if status != 200 or self.maps.setdefault(name, answer) != answer:
                self.wrong.append((name, status))

    def run(self, requests, clients):
        numbers = iter(range(requests))
        def client():
            while True:
                with self.lock:
                    i = next(numbers, None)
                if i is None:
                    return
                try:
                    self.one(i)
                except (OSError, http.client.HTTPException) as e:
                    with self.lock:
                        self.wrong.append((i, repr(e)))
        threads = [threading.Thread(target=client) for _ in range(clients)]
        for t in threads: t.start()
        for t in threads: t.join()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def hostile(number, photograph, port, rng):
    """What one hostile client does: pieces, with pauses of a tenth of a second between them."""
    host = f"Host: 127.0.0.1:{port}\r\n".encode()
    def send(body, headers=b""):
        return b"POST /predict HTTP/1.1\r\n" + host + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 10000, 10000, 8, 2, 0, 0, 0))
    damaged = bytearray(photograph)
    damaged[rng.randrange(33, len(damaged))] ^= 1 << rng.randrange(8)
    form = b"Content-Type: multipart/form-data; boundary=b\r\n"
    kinds = [
        [b"GET / HTTP/1.1\r\n" + host + b"A: "] + [b"x"] * 200,                                   # a slow head
        [b"POST /predict HTTP/1.1\r\n" + host + b"Content-Length: 1000\r\n\r\n"] + [b"x"] * 200,  # a slow body
        [b""],                                                                                    # silence
        [send(head + chunk(b"IDAT", zlib.compress(b"\0" * 1000000)))],                            # 100 megapixels
        [send(bytes(damaged))],
        [send(photograph[:rng.randrange(len(photograph))])],
        [b"POST /predict HTTP/1.1\r\n" + host + b"Content-Length: 99999999999\r\n\r\nabc"],
        [b"POST /predict HTTP/1.1\r\n" + host + b"Content-Length: -5\r\n\r\nabc"],
        [b"POST /predict HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc"],
        [b"POST /predict HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 3000000],
        [rng.randbytes(5000)],
        [b"GET /" + b"a" * 100000],
        [b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000],
        [b"GET /../../etc/passwd HTTP/1.1\r\n" + host + b"\r\n"],
        [b"GET / HTTP/1.1\r\n" + host + b"Range: bytes=" + b"0-1," * 2000 + b"\r\n\r\n"],
        [send(b"--b\r\nContent-Disposition: form-data; name=\"" + b"a" * 1000000, form)],
        [send(b"--b\r\n\r\n\r\n" * 100000, form)],
        [send(rng.randbytes(100000))],
        [b"GET / HTTP/1.1\r\n" + host + b"\r\n" + rng.randbytes(1000)],
        [b"GET /\0 HTTP/0.9\n\n"],
    ]
    return kinds[number % len(kinds)]


def meet(port, pieces, give_up):
    """Seconds until the server has closed the connection."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=give_up) as s:
        try:
            for i, piece in enumerate(pieces):
                s.sendall(piece)
                if len(pieces) > 1 and i:
                    time.sleep(0.1)
            while s.recv(65536):
                pass
        except TimeoutError:
            return None
        except OSError:  # closed while we were sending
            pass
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camo", default=str(pathlib.Path(__file__).resolve().parents[2] / "build" / "camo"))
    parser.add_argument("--weights", required=True)
    parser.add_argument("--photographs", required=True)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--hostile", type=int, default=0)
    parser.add_argument("--deadline", type=float, default=10)
    parser.add_argument("--growth", type=float, default=2)
    parser.add_argument("--flags", default="")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    files = sorted(p for p in pathlib.Path(arguments.photographs).iterdir() if p.suffix in (".png", ".jpg"))[:20]
    photographs = [(p.name, p.read_bytes()) for p in files]
    server, port = start(arguments)
    failed = []

    warm = Load(port, photographs)
    warm.run(max(arguments.requests // 3, 2 * len(photographs)), arguments.clients)
    before = resident(server)
    load, begin = Load(port, photographs), time.monotonic()
    load.maps = warm.maps
    load.run(arguments.requests, arguments.clients)
    seconds, after, times = time.monotonic() - begin, resident(server), sorted(load.times)
    failed += warm.wrong + load.wrong
    print(f"{arguments.requests} requests from {arguments.clients} clients in {seconds:.1f} s: "
          f"{len(load.wrong)} wrong, {load.busy} times busy")
    if times:
        print(f"median {1e3 * times[len(times) // 2]:.0f} ms, 95 % within {1e3 * times[len(times) * 95 // 100]:.0f} ms")
    print(f"resident memory {before / 1e6:.1f} MB after the warm-up, {after / 1e6:.1f} MB at the end "
          f"({100 * (after / before - 1):+.1f} %)")
    if abs(after / before - 1) > arguments.growth / 100:
        failed.append("memory")

    rng, longest = random.Random(arguments.seed), 0
    for i in range(arguments.hostile):
        pieces = hostile(i, photographs[i % len(photographs)][1], port, rng)
        cut = i % 20 in (0, 1, 2, 9)  # they never end: cut at the deadline
        took = meet(port, pieces, 3 * arguments.deadline + 5)
        most = arguments.deadline + 1 if cut else 1
        if took is None or took > most:
            failed.append((f"hostile {i % 20}", took))
        longest = max(longest, 0 if cut or took is None else took)
    if arguments.hostile:
        print(f"{arguments.hostile} hostile requests: the longest that is not cut took {1e3 * longest:.0f} ms; "
              f"memory {resident(server) / 1e6:.1f} MB")
        last = Load(port, photographs)
        last.maps = load.maps
        last.one(0)
        failed += last.wrong
    server.send_signal(signal.SIGTERM)
    if (code := server.wait(timeout=60)) != 0:
        failed.append(f"exit status {code}")
    print("failed: " + ", ".join(map(str, failed[:10])) if failed else "all as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
