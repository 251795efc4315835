#!/usr/bin/python3 -IB
"""Stands in for any service of the catalogue: listens, answers 200, and tells what it was started with.

GET /stand-in tells it as JSON; what is POSTed comes back as a completion. While the file
/tmp/stand-in-unhealthy exists every answer but that of /stand-in is 503.
Called as huggingface-cli or hf it writes what a download would, and ends; called as `python -c` it is python.
"""

import json
import os
import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
KNOWN = (
    "80 2080 2081 2082 2379 3000 3306 5000 5173 5174 5175 5432 6000 6006 6333 6379 6990 7000 7055 7066 7077 "
    "7474 7687 7777 7778 7860 8000 8008 8080 8090 8399 8888 8889 9000 9001 9009 9090 9091 9097 9200 9379 "
    "9399 19530 55555"
)
SICK = Path("/tmp/stand-in-unhealthy")


def ports() -> list[int]:
    """What was asked for: by --port (or -p), and by the image's own list, else all that are known."""
    asked = [
        int(value) for name, value in zip(sys.argv, sys.argv[1:], strict=False) if name in ("--port", "-p")
    ]
    asked += [int(name.partition("=")[2]) for name in sys.argv if name.startswith("--port=")]
    own = HERE / "ports.json"
    return sorted({*asked, *(json.loads(own.read_text()) if own.exists() else map(int, KNOWN.split()))})


def told() -> dict:
    """How this process was started, and what it sees."""
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line
    )
    shared = os.statvfs("/dev/shm") if os.path.ismount("/dev/shm") else None
    return {
        "argv": sys.argv,
        "env": dict(os.environ),
        "cwd": str(Path.cwd()),
        "uid": os.getuid(),
        "gid": os.getgid(),
        "groups": os.getgroups(),
        "hostname": socket.gethostname(),
        "capabilities": status["CapEff"].strip(),
        "no_new_privileges": status["NoNewPrivs"].strip() == "1",
        "shm_bytes": shared.f_blocks * shared.f_frsize if shared else 0,
        "mounts": [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()],
        "root_is_read_only": bool(os.statvfs("/").f_flag & os.ST_RDONLY),
    }


class Handler(BaseHTTPRequestHandler):
    def answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told_of = {"path": self.path, "method": self.command, "bytes": len(sent)}
        if self.command == "POST":  # what reads a completion finds one: what was sent
            told_of["choices"] = [{"message": {"content": sent.decode("utf-8", "replace")}}]
        body = json.dumps(told() if self.path == "/stand-in" else told_of).encode()
        self.send_response(503 if SICK.exists() and self.path != "/stand-in" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def log_message(self, form: str, *values: object) -> None:
        if self.path not in ("/health", "/v1/health_check", "/stand-in"):
            print(f"{self.command} {self.path}", flush=True)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32


def download() -> None:
    """What `huggingface-cli download --cache-dir DIR MODEL` leaves."""
    folder = Path(sys.argv[sys.argv.index("--cache-dir") + 1] if "--cache-dir" in sys.argv else "/data")
    model = next((word for word in sys.argv[2:] if "/" in word and not word.startswith("/")), "none/none")
    target = folder / f"models--{model.replace('/', '--')}"
    target.mkdir(parents=True, exist_ok=True)
    (target / "weights").write_text("stand-in\n")
    print(f"Fetching 1 files: 100% {model}", flush=True)


def main() -> None:
    name = Path(sys.argv[0]).name
    if name == "python" and sys.argv[1:2] == ["-c"]:
        os.execv("/usr/bin/python3", ["python3", *sys.argv[1:]])
    if name in ("huggingface-cli", "hf"):
        download()
        return
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    print(f"stand-in for: {' '.join(sys.argv)[:200]}", flush=True)
    open_ports = ports()
    servers = [Server(("", port), Handler) for port in open_ports]
    print(f"listening on {' '.join(map(str, open_ports))}", flush=True)
    for server in servers:
        threading.Thread(target=server.serve_forever).start()


main()
