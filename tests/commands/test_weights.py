"""The verb `weights`, through the command line."""

import dataclasses
import hashlib
import http.server
import io
import json
import subprocess
import sys
import threading

import pytest
import torch
from click.testing import CliRunner

from repro.commands._entry import main
from repro.weights import published
from repro.weights.published import Source
from tests.published_states import state


@pytest.fixture
def repro(tmp_path):
    """Run a command with a home of its own."""

    def run(*args):
        home = ["--home", str(tmp_path / "home")]
        return CliRunner().invoke(main, ["weights", *map(str, args), *home])

    return run


@pytest.fixture
def file(tmp_path):
    torch.save({"model": state("DeiT-Ti")}, tmp_path / "tiny.pth")
    return tmp_path / "tiny.pth"


def test_list_names_systems_licence_and_how_to_get_them(repro):
    done = repro("list")
    assert done.exit_code == 0
    for text in (
        "asmrh/asm-i, asmrh/asm-rh-i",
        "not here, 351 MB (repro weights fetch DeiT); Apache-2.0",
        "not here (repro weights fetch 'AST AudioSet' --trust); BSD-3-Clause",
        "gafx/ast-ti, gafx/gafx-u",
    ):
        assert text in done.output
    rows = json.loads(repro("list", "--format", "json").output)
    assert [row["name"] for row in rows] == published.names()
    assert not any(row["here"] for row in rows)
    assert all(row["systems"] and row["licence"] and row["next_step"] for row in rows)


def test_added_weights_are_listed_with_their_hash(repro, file, tmp_path):
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    done = repro("add", "DeiT-Ti", file)
    assert done.exit_code == 0, done.output
    assert f"sha256   {sha256} (no source states it)" in done.output
    place = tmp_path / "home" / "data" / "weights" / "deit-ti" / "tiny.pth"
    assert f"file     {place}" in done.output
    assert f"here, SHA-256 {sha256[:12]}, which no source states; Apache" in repro("list").output
    rows = {row["name"]: row for row in json.loads(repro("list", "--format", "json").output)}
    here = rows["DeiT-Ti"]
    assert (here["file"], here["sha256"], here["hash_stated"]) == (str(place), sha256, False)
    assert here["next_step"] is None
    assert [name for name, row in rows.items() if row["here"]] == ["DeiT-Ti"]
    assert f"sha256   {sha256}" in repro("show", "DeiT-Ti").output


def test_show_says_where_they_come_from_and_how_they_are_checked(repro):
    done = repro("show", "DeiT")
    assert done.exit_code == 0
    for source in published.card("DeiT").sources:
        assert source.url in done.output
    assert "its SHA-256 starts with d0272ac0, as its name says" in done.output
    assert "the hub states its SHA-256 at revision cb8f6fe63da08d74" in done.output
    assert "holds    pos_embed (1, 578, 768)" in done.output
    shown = json.loads(repro("show", "AST AudioSet", "--format", "json").output)
    assert shown["systems"] == ["asmrh/asm-rh-a", "ast/ast-esc50"]
    assert all("--trust" in source["check"] for source in shown["sources"])
    assert shown["tensors"]["v.pos_embed"] == [1, 1214, 768]


def test_mistakes_are_one_message_with_the_next_command(repro, file, tmp_path):
    page = tmp_path / "page.pth"
    page.write_text("<html>")
    for args, message, step in [
        (["show", "DeiT-T"], "unknown weights 'DeiT-T': did you mean", "repro weights list"),
        (["fetch", "Deit"], "unknown weights 'Deit'", "repro weights list"),
        (["fetch", "HDemucs"], "no source states the hash", "repro weights fetch HDemucs --trust"),
        (["add", "DeiT", tmp_path / "no"], "does not exist", "repro weights add DeiT FILE"),
        (["add", "DeiT", file], "dist_token is (1, 1, 192)", "repro weights show DeiT"),
        (["add", "DeiT", page], f"{page}: not the weights 'DeiT'", "repro weights show DeiT"),
    ]:
        done = repro(*args)
        assert done.exit_code == 2, done.output
        assert message in done.output
        assert f"Next:  {step}" in done.output
        assert "Traceback" not in done.output


def test_fetch_brings_a_file_and_says_its_hash(repro, monkeypatch):
    buffer = io.BytesIO()
    torch.save({"model": state("DeiT-Ti")}, buffer)
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(buffer.getvalue())))
            self.end_headers()
            self.wfile.write(buffer.getvalue())

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    source = Source(f"http://127.0.0.1:{server.server_port}/tiny.pth", sha256[:8])
    card = dataclasses.replace(published.card("DeiT-Ti"), sources=(source,))
    monkeypatch.setitem(published.CARDS, "DeiT-Ti", card)
    done = repro("fetch", "DeiT-Ti")
    server.shutdown()
    server.server_close()
    assert done.exit_code == 0, done.output
    assert "licence  Apache-2.0" in done.output
    assert f"sha256   {sha256} (as stated)" in done.output
    assert f"here, SHA-256 {sha256[:12]}; Apache-2.0" in repro("list").output
    again = repro("fetch", "DeiT-Ti", "--format", "json")  # without the server: it is here
    assert json.loads(again.stdout)["sha256"] == sha256
    assert "licence  Apache-2.0" in again.stderr


def test_the_verb_imports_no_torch(file, tmp_path):
    commands = [["list"], ["show", "DeiT"], ["add", "DeiT-Ti", str(file)], ["list"]]
    script = f"""
import sys
from click.testing import CliRunner
from repro.commands._entry import main
for words in {commands!r}:
    done = CliRunner().invoke(main, ["weights", *words, "--home", {str(tmp_path)!r}])
    assert done.exit_code == 0, done.output
heavy = ("torch", "numpy", "scipy", "pandas", "timm", "huggingface_hub", "safetensors")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
