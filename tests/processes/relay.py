"""A link between two network namespaces that delays every packet: for kernels without netem.

    relay.py NAMESPACE_A NAMESPACE_B DEVICE MILLISECONDS

Makes a tun device in each namespace and carries packets between them until it is stopped.
"""

import collections
import ctypes
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
LARGEST = 9000  # bytes of a packet


def tun_in(namespace, device):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/var/run/netns/{namespace}") as f:
        if libc.setns(f.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
    os.system(f"ip link set {device} mtu {LARGEST} txqueuelen 10000")
    return fd


def main():
    a, b, device, delay = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]) / 1000
    ends = [tun_in(a, device), tun_in(b, device)]
    on_the_way = [collections.deque(), collections.deque()]  # to each end: (when it arrives, packet)
    while True:
        due = [q[0][0] for q in on_the_way if q]
        wait = max(0.0, min(due) - time.monotonic()) if due else 1.0
        for fd in select.select(ends, [], [], wait)[0]:
            try:
                while True:
                    on_the_way[1 - ends.index(fd)].append((time.monotonic() + delay, os.read(fd, LARGEST + 64)))
            except OSError:
                pass  # no more packets, or the link is down
        now = time.monotonic()
        for end, queue in zip(ends, on_the_way):
            while queue and queue[0][0] <= now:
                try:
                    os.write(end, queue.popleft()[1])
                except OSError:
                    pass  # the link is down: the packet is lost


if __name__ == "__main__":
    main()
