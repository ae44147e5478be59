#!/usr/bin/env python3
"""proxy.py LOG: an HTTP proxy on the loopback. Its port goes to stdout, each address that is asked for to LOG."""
import http.server
import shutil
import sys
import threading
import urllib.error
import urllib.request

lock = threading.Lock()


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with lock, open(sys.argv[1], "a") as log:
            print(self.path, file=log)
        keep = {name: value for name, value in self.headers.items() if name in ("Range", "If-Range", "If-Modified-Since")}
        try:
            answer = urllib.request.urlopen(urllib.request.Request(self.path, headers=keep), timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        except OSError:
            self.send_error(502)
            return
        with answer:
            self.send_response(answer.status)
            for name in ("Content-Length", "Content-Range", "Content-Type", "Last-Modified"):
                if answer.headers[name]:
                    self.send_header(name, answer.headers[name])
            if not answer.headers["Content-Length"]:
                self.send_header("Connection", "close")
            self.end_headers()
            shutil.copyfileobj(answer, self.wfile)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # who asked was killed


with Server(("127.0.0.1", 0), Proxy) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
