"""The emulator's control API, and a handler that its relay posts to."""

import json
import queue
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

PATIENCE = 30  # seconds for what takes none


class Portal:
    """A new portal of the emulator's own."""

    def __init__(self, control, name):
        self.about = request("POST", f"{control}/control/portals", {"name": name})
        self.oauth = f"{control}/control/oauth"
        self.url = f"{control}/control/portals/{name}"

    def get(self, path):
        return request("GET", f"{self.url}/{path}")

    def post(self, path, body=None):
        return request("POST", f"{self.url}/{path}", body)

    def delete(self, path):
        return request("DELETE", f"{self.url}/{path}")

    def refreshes(self):
        return request("GET", self.oauth)["refreshes"]


def request(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=PATIENCE) as answer:
        return json.load(answer)


class Handler:
    """Takes posts, query and form merged, as a web framework hands them to the SDK."""

    def __init__(self):
        posts = self.posts = queue.Queue()

        class Receive(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                posts.put(dict(parse_qsl(f"{urlsplit(self.path).query}&{body}", keep_blank_values=True)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Receive)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/"

    def next(self):
        return self.posts.get(timeout=PATIENCE)
