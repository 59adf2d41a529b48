"""download.fetch against a server on 127.0.0.1 that does all that servers do wrong.

Whatever it does, the right bytes arrive under the final name, or nothing and a clear message.
"""

import contextlib
import gzip
import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from repro.data.fetching import download, transfer
from repro.data.fetching.transfer import Remote
from repro.errors import UserError

RAW = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()
BODY = gzip.compress(RAW, mtime=0)
SIZE = len(BODY)
HALF = SIZE // 2
SHA = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
OTHER = b"\x1f\x8b" + bytes(SIZE - 2)  # of the right length and beginning, but another file


class Request(BaseHTTPRequestHandler):
    """Answer with the next of the server's behaviours; the last one stays."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.seen.append(dict(self.headers))
        script = server.scripts[self.path.strip("/").split("/")[0]]
        behave = script.pop(0) if len(script) > 1 else script[0]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            behave(self)
        self.close_connection = True

    def log_message(self, *args):
        pass

    def head(self, code, **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()


def ok(request, body=BODY, etag='"one"', ranges=True, cut=None, **headers):
    """Serve the file as a good server does, up to `cut` bytes of it."""
    if etag:
        headers["ETag"] = etag
    asked = request.headers.get("Range")
    if_range = request.headers.get("If-Range")
    start = 0
    if asked and ranges and if_range in (None, etag):
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(body):
            request.head(416, Content_Range=f"bytes */{len(body)}", Content_Length=0)
            return
        headers["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
    rest = body[start:]
    request.head(206 if start else 200, Content_Length=len(rest), **headers)
    request.wfile.write(rest if cut is None else rest[: max(0, cut - start)])
    request.wfile.flush()


def using(**options):
    return lambda request: ok(request, **options)


def status(code, **headers):
    def behave(request):
        request.head(code, Content_Length=0, **headers)

    return behave


def stall(request):
    request.head(200, Content_Length=SIZE, ETag='"one"')
    request.wfile.write(BODY[:HALF])
    request.wfile.flush()
    time.sleep(1.0)


def silence(request):
    time.sleep(1.0)


def reset(request):
    request.head(200, Content_Length=SIZE, ETag='"one"')
    request.wfile.write(BODY[:HALF])
    request.wfile.flush()
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


def no_length(request, cut=None):
    request.head(200)
    request.wfile.write(BODY[:cut])


def broken_chunks(request):
    request.head(200, Transfer_Encoding="chunked")
    request.wfile.write(b"%x\r\n" % HALF + BODY[: HALF // 2])


def bad_206(request, at=0, etag='"one"'):
    """Answer a Range with other bytes than were asked for, if there is one."""
    if not request.headers.get("Range"):
        ok(request, cut=HALF)
        return
    request.head(206, Content_Length=SIZE - at, ETag=etag,
                 Content_Range=f"bytes {at}-{SIZE - 1}/{SIZE}")  # fmt: skip
    request.wfile.write(BODY[at:])


def silent_206(request):
    """Continue with another file's bytes, and say nothing of it."""
    if not request.headers.get("Range"):
        ok(request)
        return
    start = int(request.headers["Range"][6:-1])
    request.head(206, Content_Length=SIZE - start, ETag='"one"',
                 Content_Range=f"bytes {start}-{SIZE - 1}/{SIZE}")  # fmt: skip
    request.wfile.write(OTHER[start:])


def unasked_206(request):
    request.head(206, Content_Length=9, Content_Range="bytes 5-13/14")
    request.wfile.write(b"123456789")


def redirect(to):
    return status(302, Location=to)


def not_http(request):
    request.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")


CUT = using(cut=HALF)
PAGE = using(body=b"<html>sign in</html>", Content_Type="text/html; charset=utf-8")


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    server.daemon_threads = True
    server.block_on_close = False
    server.scripts, server.seen = {}, []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(server, tmp_path):
    """Fetch from mirrors a, b, ... that behave as the scripts say; collect the waits and notes."""

    def run(*scripts, digest=SHA, size=SIZE, urls=None, progress=None):
        server.scripts |= dict(zip("abc", map(list, scripts), strict=False))
        mirrors = urls or tuple(f"{server.url}/{name}/x.tar.gz" for name in "abc"[: len(scripts)])
        run.waits, run.notes = [], []
        return download.fetch(
            Remote("x.tar.gz", mirrors, digest, size),
            tmp_path,
            progress,
            run.notes.append,
            timeout=(2.0, 0.3),
            sleep=run.waits.append,
        )

    return run


def leftovers(folder):
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


RECOVERED = {
    "none": [ok],
    "cut off": [CUT, ok],
    "cut off at every quarter": [using(cut=SIZE * n // 4) for n in (1, 2, 3)] + [ok],
    "cut off before the first byte": [using(cut=0), ok],
    "stalls in the middle": [stall, ok],
    "says nothing": [silence, ok],
    "resets the connection": [reset, ok],
    "hangs up": [lambda request: None, ok],
    "speaks another protocol": [not_http, ok],
    "429 with seconds": [status(429, Retry_After=7), ok],
    "429 with a date": [
        status(429, Retry_After=format_datetime(datetime.now(UTC) - timedelta(hours=1), True)),
        ok,
    ],
    "429 with nonsense": [status(429, Retry_After="soon"), ok],
    "503": [status(503), ok],
    "500, 502, 504": [status(500), status(502), status(504), ok],
    "no Range": [CUT, using(ranges=False)],
    "Range without If-Range's answer": [CUT, using(etag=None)],
    "changed ETag": [using(cut=HALF, body=OTHER, etag='"old"'), ok],
    "changed ETag, still 206": [
        using(cut=HALF, body=OTHER, etag='"old"'),
        lambda request: bad_206(request, HALF, '"one"') if request.headers.get("Range") else
        ok(request),
        ok,
    ],
    "206 from elsewhere": [CUT, bad_206, ok],
    "206 unasked": [unasked_206, ok],
    "416": [CUT, status(416), ok],
    "weak ETag": [using(cut=HALF, etag='W/"one"'), using(etag='W/"one"')],
    "no length": [no_length],
    "no length, cut": [lambda request: no_length(request, HALF), ok],
    "chunks broken off": [broken_chunks, ok],
    "no ETag, cut": [using(cut=HALF, etag=None), using(etag=None)],
    "redirect": [redirect("/b/x.tar.gz")],
    "continued with another file's bytes": [CUT, silent_206, ok],
}  # fmt: skip


@pytest.mark.parametrize("fault", RECOVERED)
def test_recovered(fault, fetch, server, tmp_path):
    server.scripts["b"] = [ok]
    script = RECOVERED[fault]
    assert fetch(script).read_bytes() == BODY
    assert leftovers(tmp_path) == ["x.tar.gz"]


REFUSED = {
    "a page with 200": (PAGE, "web page"),
    "404": (status(404), "answers 404"),
    "403": (status(403), "answers 403"),
    "204": (status(204), "answers 204"),
    "503 for ever": (status(503), "503, 5 times in a row"),
    "429 for too long": (status(429, Retry_After=3600), "asks to wait 3600 s"),
    "cut at the same byte for ever": (
        using(cut=HALF, ranges=False),
        "connection broke .*5 times in a row",
    ),
    "another length": (using(body=BODY + b"more"), f"offers {SIZE + 4:,} bytes, not {SIZE:,}"),
    "more than it should, no length": (
        lambda request: (request.head(200), request.wfile.write(BODY + b"+")),
        "sends more than",
    ),
    "another file of the same length": (using(body=OTHER), "its hash is not sha256:"),
    "no archive": (using(body=b"PDF" + bytes(SIZE - 3)), "is no .gz file"),
    "an encoding nobody asked for": (using(Content_Encoding="br"), "encoding"),
    "redirects in circles": (redirect("/a/x.tar.gz"), "round in circles"),
    "redirect to a file": (redirect("file:///etc/passwd"), "cannot be used"),
    "redirect to nowhere": (redirect("http://127.0.0.1:1/"), "no connection"),
    "206 from elsewhere for ever": (bad_206, "5 times in a row"),
    "silence for ever": (silence, "no answer in time, 5 times in a row"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_refused_and_the_next_mirror_asked(fault, fetch, tmp_path):
    behave, message = REFUSED[fault]
    with pytest.raises(UserError, match=message) as caught:
        fetch([behave])
    assert "x.tar.gz cannot be downloaded" in caught.value.message
    assert "127.0.0.1" in caught.value.message
    assert "repro data add" in caught.value.next_step
    assert "x.tar.gz" not in leftovers(tmp_path)
    assert fetch([behave], [ok]).read_bytes() == BODY
    assert any("127.0.0.1" in note for note in fetch.notes)


def test_only_what_is_missing_is_asked_for(fetch, server):
    fetch([CUT, ok])
    assert "Range" not in server.seen[0]
    assert server.seen[1]["Range"] == f"bytes={HALF}-"
    assert server.seen[1]["If-Range"] == '"one"'
    assert all(seen["Accept-Encoding"] == "identity" for seen in server.seen)


def test_waits_are_those_asked_for_else_grow(fetch):
    fetch([status(429, Retry_After=7), status(503), status(500), ok])
    assert fetch.waits == [7.0, 2.0, 4.0]


def test_a_date_to_wait_for_is_waited_for(fetch):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    fetch([status(429, Retry_After=soon), ok])
    assert 50 < fetch.waits[0] <= 60


def test_progress_counts_every_byte_of_the_file(fetch):
    seen = []
    fetch([CUT, ok], progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (SIZE, SIZE)
    assert (HALF, SIZE) in seen
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_dead_mirror_is_left_for_the_next(fetch, server):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    server.scripts["a"] = [ok]
    urls = (f"http://127.0.0.1:{port}/x.tar.gz", f"{server.url}/a/x.tar.gz")
    assert fetch(urls=urls).read_bytes() == BODY
    assert "no connection" in fetch.notes[-1]


def test_a_part_of_one_mirror_is_not_continued_at_another(fetch, server):
    """Without a known hash a mixture would not be noticed."""
    bad = using(body=OTHER, cut=HALF, ranges=False)
    assert fetch([bad], [ok], digest="unverified").read_bytes() == BODY
    assert "Range" not in server.seen[-1]


def test_without_hash_and_validator_nothing_is_continued(fetch, server):
    script = [using(cut=HALF, etag=None), using(etag=None)]
    assert fetch(script, digest="unverified").read_bytes() == BODY
    assert not any("Range" in seen for seen in server.seen)


@pytest.mark.parametrize("state", [None, "", "{", "[]", '{"url": "x"}'])
def test_a_part_of_unknown_origin_is_not_used(fetch, server, tmp_path, state):
    work = tmp_path / ".x.tar.gz.fetch"
    work.mkdir()
    (work / "part").write_bytes(OTHER[:HALF])
    if state is not None:
        (work / "part.json").write_text(state)
    assert fetch([ok]).read_bytes() == BODY
    assert "Range" not in server.seen[0]


def test_a_file_that_is_there_and_right_is_not_fetched_again(fetch, server, tmp_path):
    fetch([ok])
    fetch([ok])
    assert len(server.seen) == 1
    (tmp_path / "x.tar.gz").write_bytes(OTHER)
    assert fetch([ok]).read_bytes() == BODY
    assert len(server.seen) == 2


def test_md5_will_do_where_it_is_what_is_published(fetch):
    md5 = hashlib.md5(BODY).hexdigest()
    assert fetch([ok], digest=f"md5:{md5}").read_bytes() == BODY
    with pytest.raises(UserError, match="its hash is not md5:"):
        fetch([using(body=OTHER)], digest=f"md5:{md5[::-1]}")


def test_a_disk_that_is_too_small_is_refused_before_the_first_byte(fetch, server, monkeypatch):
    usage = type("Usage", (), {"free": SIZE - 1})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    for size in (SIZE, None):  # known beforehand; told by the server
        with pytest.raises(UserError, match="GB are needed") as caught:
            fetch([ok], size=size)
        assert "REPRO_DATA" in caught.value.next_step
    assert len(server.seen) == 1


def test_a_disk_that_fills_up_keeps_what_is_there(fetch, tmp_path, monkeypatch):
    real = transfer.os.fsync

    def full(handle):
        real(handle)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer.os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        fetch([CUT, ok])
    monkeypatch.setattr(transfer.os, "fsync", real)
    assert "x.tar.gz" not in leftovers(tmp_path)
    assert fetch([ok]).read_bytes() == BODY


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/data.*cannot be written"):
        download.fetch(Remote("x.tar.gz", (server.url,), SHA), tmp_path / "file" / "data")


def test_an_interruption_by_the_user_is_continued(fetch, server, tmp_path):
    def stop(done, of):
        if done >= HALF:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([using(cut=HALF)], progress=stop)
    assert [name.split("/")[1] for name in leftovers(tmp_path)] == ["lock", "part", "part.json"]
    assert fetch([ok]).read_bytes() == BODY
    assert server.seen[-1]["Range"] == f"bytes={HALF}-"


SCRIPT = """
import sys
from pathlib import Path
from repro.data.fetching import download
from repro.data.fetching.transfer import Remote
say = lambda done, of: print(done, flush=True)
try:
    download.fetch(Remote("x.tar.gz", (sys.argv[1],), sys.argv[2]), Path(sys.argv[3]), say)
except Exception as error:
    print(error)
"""


def test_a_killed_download_is_continued_and_two_do_not_mix(fetch, server, tmp_path):
    def slow(request):
        request.head(200, Content_Length=SIZE, ETag='"one"')
        request.wfile.write(BODY[:HALF])
        request.wfile.flush()
        time.sleep(5)

    server.scripts["a"] = [slow]
    command = [sys.executable, "-c", SCRIPT, f"{server.url}/a/x.tar.gz", SHA, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    part = tmp_path / ".x.tar.gz.fetch" / "part"
    while not (part.exists() and server.seen) and time.monotonic() < deadline:
        time.sleep(0.02)
    with pytest.raises(UserError, match="another process downloads"):
        fetch([ok])
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    process.stdout.close()
    assert not (tmp_path / "x.tar.gz").exists()
    assert fetch([ok]).read_bytes() == BODY
    assert leftovers(tmp_path) == ["x.tar.gz"]


def test_at_least_25_faults_are_tried():
    assert len(RECOVERED) - 1 + len(REFUSED) >= 25


def trickle(size, pause, seconds, **headers):
    """Send `size` bytes after every pause, for so many seconds: never silent, never done."""

    def behave(request):
        request.head(200, **headers)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            request.wfile.write(BODY[:2] + bytes(size - 2))
            request.wfile.flush()
            time.sleep(pause)

    return behave


@pytest.mark.parametrize("headers", [{}, {"Content_Length": SIZE}], ids=["no length", "a length"])
def test_a_peer_that_sends_a_few_bytes_a_second_is_left_for_the_next(
    headers, fetch, server, tmp_path, monkeypatch
):
    """Each try gets on a little, and yet they are counted: five of them, and the mirror is left."""
    monkeypatch.setattr(transfer, "WINDOW", 0.2)
    slow = trickle(5, 0.05, 5.0, **headers)
    began = time.monotonic()
    place = fetch([slow], [ok])
    assert place.read_bytes() == BODY
    assert time.monotonic() - began < 4.0
    assert len(server.seen) == transfer.ATTEMPTS + 1
    assert "bytes a second, 5 times in a row" in fetch.notes[-1]
    assert leftovers(tmp_path) == ["x.tar.gz"]


def test_a_peer_that_is_just_fast_enough_is_waited_for(fetch, monkeypatch):
    monkeypatch.setattr(transfer, "WINDOW", 0.2)
    monkeypatch.setattr(transfer, "SLOWEST", 100)

    def steady(request):
        request.head(200, Content_Length=SIZE, ETag='"one"')
        for start in range(0, SIZE, SIZE // 10):
            request.wfile.write(BODY[start : start + SIZE // 10])
            request.wfile.flush()
            time.sleep(0.06)

    assert fetch([steady]).read_bytes() == BODY
    assert fetch.notes == []


@pytest.mark.parametrize("digest", [SHA, "unverified"])
@pytest.mark.parametrize(
    "endless",
    [trickle(20_000, 0.0, 5.0), trickle(20_000, 0.0, 5.0, Content_Length=10**13)],
    ids=["no length", "a length beyond all"],
)
def test_a_file_without_a_stated_length_has_an_end(endless, digest, server, tmp_path):
    server.scripts |= {"a": [endless]}
    remote = Remote("x.tar.gz", (f"{server.url}/a/x",), digest, None, most=1_000_000)
    with pytest.raises(download.UnavailableError, match=r"1,000,000 (bytes|at most)"):
        download.fetch(remote, tmp_path, timeout=(2.0, 0.3), sleep=lambda _: None)
    assert sum(len(f.read_bytes()) for f in tmp_path.rglob("*") if f.is_file()) < 1000


def test_a_redirection_with_a_body_without_an_end_is_followed(fetch, server):
    def endless(request):
        request.head(302, Location="../b/x.tar.gz")
        end = time.monotonic() + 5
        while time.monotonic() < end:
            request.wfile.write(bytes(20_000))

    server.scripts["b"] = [ok]
    began = time.monotonic()
    assert fetch([endless]).read_bytes() == BODY
    assert time.monotonic() - began < 2.0


def test_the_first_bytes_are_looked_at_even_if_they_come_one_by_one(fetch, server):
    def page(request):
        request.head(200, Content_Length=SIZE)
        for letter in b"<html>":
            request.wfile.write(bytes([letter]))
            request.wfile.flush()
            time.sleep(0.02)
        time.sleep(0.5)

    assert fetch([page], [ok]).read_bytes() == BODY
    assert "is no .gz file" in fetch.notes[-1]
    assert len(server.seen) == 2
