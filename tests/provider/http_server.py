"""A server for the tests: python http_server.py PORT [HOST]; environment variables choose its faults."""

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status = 503 if os.environ.get("UNHEALTHY") else 200
        body = os.environ.get("ANSWER", "ok").encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, text, *args):
        say(text % args)


for number in range(int(os.environ.get("LINES", "0"))):
    say(f"line {number}")
if "DIE" in os.environ:
    sys.stderr.write("about to die: " + os.environ["DIE"] + "\n")
    sys.exit(3)
if "STUBBORN" in os.environ:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "HELPER" in os.environ:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
while "GATE" in os.environ and not os.path.exists(os.environ["GATE"]):  # noqa: PTH110
    time.sleep(0.05)
if "SILENT" in os.environ:
    time.sleep(600)
ThreadingHTTPServer(
    (sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1", int(sys.argv[1])), Handler
).serve_forever()
