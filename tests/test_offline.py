"""The default install makes no outbound connection, whatever language its parts are written in.

The whole flow runs in a network namespace that holds nothing but a loopback device. There the kernel counts every
attempt to reach anything else (a connection, a name look-up) as a packet without a route.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOW = """
import http.client, os, signal, sys, threading, time
from pathlib import Path

def unrouted():
    names, values = [line.split() for line in open("/proc/net/snmp") if line.startswith("Ip:")]
    six = sum(int(line.split()[1]) for line in open("/proc/net/snmp6") if line.startswith("Ip6OutNoRoutes"))
    return int(values[names.index("OutNoRoutes")]) + six

import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 0x41))  # bring the loopback device up

assert unrouted() == 0
if sys.argv[2] == "control":
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    except OSError:
        pass
    print(unrouted())
    sys.exit()

from assistant.assistant import Assistant
from assistant.settings import Settings, sample_articles
from assistant.web.server import serve

settings = Settings(Path(sys.argv[1]), port=7999)
assistant = Assistant.open(settings)
assert not assistant.ingest([sample_articles()]).rejected
assert not assistant.ask("How many bombs did the F-15s drop?").abstained
assistant.close()

listening = threading.Event()

def get(path):
    connection = http.client.HTTPConnection("127.0.0.1", 7999, timeout=30)
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()

def look():
    listening.wait(60)
    while get("/readyz")[0] != 200:
        time.sleep(0.1)
    if b"Saidso" in get("/")[1]:
        print(unrouted(), flush=True)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=look, daemon=True).start()
serve(settings, lambda _: listening.set())
"""


def outcome(folder: Path, mode: str) -> str:
    command = ["unshare", "--map-root-user", "--net", sys.executable, "-c", FLOW, str(folder), mode]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def namespaces() -> None:
    probe = ["unshare", "--map-root-user", "--net", "true"]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True).returncode != 0:
        pytest.skip("this system gives no network namespace (unshare --map-root-user --net), which the test counts in")


def test_the_count_sees_an_attempt(tmp_path: Path) -> None:
    assert outcome(tmp_path, "control") != "0"


def test_ingesting_asking_and_serving_reach_for_nothing(tmp_path: Path) -> None:
    assert outcome(tmp_path, "flow") == "0"
