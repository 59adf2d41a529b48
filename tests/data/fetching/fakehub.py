"""A Hugging Face hub of one dataset on 127.0.0.1, as far as fetching it goes."""

import hashlib
import http.server
import io
import json
import threading
import urllib.parse

import datasets
import numpy as np
import soundfile

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def sound(number, kind="WAV"):
    """Return the bytes of a short audio file that no other number has."""
    file = io.BytesIO()
    samples = np.random.default_rng(number).integers(-3000, 3000, 800).astype(np.int16)
    soundfile.write(file, samples, 16000, format=kind)
    return file.getvalue()


def parquet(rows, audio="audio"):
    """Return a Parquet file of rows whose audio is the bytes of a file, as the hub keeps them."""
    table = datasets.Dataset.from_list(rows)
    table = table.cast_column(audio, datasets.Audio(decode=False))
    file = io.BytesIO()
    table.to_parquet(file)
    return file.getvalue()


class FakeHub:
    """Serve `files` (by path) as the revision `commit` of the dataset `name`."""

    def __init__(self, name, files, commit=COMMIT):
        self.name, self.files, self.commit = name, files, commit
        self.asked, self.broken, self.stated, self.lies = [], 0, {}, False
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                hub.asked.append(self.path)
                hub.answer(self)

            def do_HEAD(self):
                self.do_GET()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request):
        path = urllib.parse.unquote(request.path).partition("?")[0]
        if path.startswith(f"/api/datasets/{self.name}"):
            wanted = path.partition("/revision/")[2] or "main"
            self.send(request, *self.about(wanted), "application/json")
            return
        start = f"/datasets/{self.name}/resolve/{self.commit}/"
        data = self.files.get(path.removeprefix(start)) if path.startswith(start) else None
        if data is not None and self.broken:
            self.broken -= 1
            self.send(request, 200, data, "application/octet-stream", cut=len(data) // 2)
        elif data is not None:
            self.send(request, 200, data, "application/octet-stream")
        else:
            self.send(request, 404, b"no such file", "text/plain")

    def about(self, wanted):
        """Return status and body of what the hub says of a revision."""
        if wanted not in ("main", self.commit) and not self.lies:
            return 404, json.dumps({"error": f"Invalid rev id: {wanted}"}).encode()
        siblings = [
            {"rfilename": name, "size": len(data), "blobId": "0" * 40,
             "lfs": {"sha256": self.stated.get(name, hashlib.sha256(data).hexdigest()),
                     "size": len(data), "pointerSize": 134}}
            for name, data in self.files.items()
        ]  # fmt: skip
        about = {"id": self.name, "sha": self.commit, "siblings": siblings, "private": False,
                 "disabled": False, "downloads": 0, "likes": 0, "tags": []}  # fmt: skip
        return 200, json.dumps(about).encode()

    def send(self, request, code, data, kind, cut=None):
        request.send_response(code)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(data[:cut])
        request.close_connection = True

    def close(self):
        self.server.shutdown()
        self.server.server_close()
