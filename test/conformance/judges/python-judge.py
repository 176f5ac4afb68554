"""Python's http.server as an origin that tells, in X-Seen, what it took each request for.

The standard library reads request lines and fields; bodies are its users' to read. They are read here as a plain WSGI server would:
whatever int() takes for a length, lines that may end with LF alone. A judge should not be stricter than origins are.
"""

import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Judge(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # One write for an answer.
    wbufsize = -1

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.tell
        raise AttributeError(name)

    def tell(self):
        body = self.read_body()
        if body is None:
            self.close_connection = True
            return
        # Not self.path: the library merges slashes at the start of that.
        target = self.requestline.split()[1]
        seen = {"method": self.command, "target": target, "length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        self.send_response(200)
        self.send_header("X-Seen", json.dumps(seen))
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()

    def read_body(self):
        """The body, or None if the connection ends before it does."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self.read_chunked()
        length = int(self.headers.get("Content-Length") or "0")
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def read_chunked(self):
        body = b""
        while True:
            line = self.rfile.readline(65537)
            if not line.endswith(b"\n"):
                return None
            size = int(line.split(b";")[0], 16)
            if size == 0:
                break
            data = self.rfile.read(size)
            if len(data) < size or not self.rfile.readline(65537).endswith(b"\n"):
                return None
            body += data
        while True:
            line = self.rfile.readline(65537)
            if not line.endswith(b"\n"):
                return None
            if line in (b"\r\n", b"\n"):
                return body

    def log_message(self, format, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Judge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    # Its starter holds the other end: when that is gone, so is this.
    sys.stdin.read()
