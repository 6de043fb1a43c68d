"""A server on this machine that answers as OSF and the hub do, and misbehaves when told to."""

import hashlib
import io
import json
import re
import struct
import zipfile
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest

CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")


class _Http(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that hangs up is none of the tests' business."""


class Server:
    """Files by path; `faults[path]` are used up one per request: a status, "cut" or "wrong"."""

    def __init__(self):
        self.files = {}
        self.faults = defaultdict(list)
        self.ranges = True
        self.requests = []
        self.http = _Http(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def downloads(self):
        """Path and range (None: whole) of every request that was for bytes, not for a listing."""
        return [each for each in self.requests if "/resolve/" in each[0] or "/get/" in each[0]]

    def osf(self, files, folder="datasets"):
        """Publish files as an OSF project does: in a folder, the listing on two pages."""
        top, inner = "/v2/nodes/bmw48/files/osfstorage/", f"/v2/{folder}/"
        items = []
        for name, content in files.items():
            self.files[f"/get/{name}"] = content
            hashes = {"sha256": hashlib.sha256(content).hexdigest()}
            facts = {
                "name": name, "kind": "file", "size": len(content), "extra": {"hashes": hashes}
            }  # fmt: skip
            items.append({"attributes": facts, "links": {"download": f"{self.url}/get/{name}"}})
        related = {"files": {"links": {"related": {"href": self.url + inner}}}}
        here = {"attributes": {"name": folder, "kind": "folder"}, "relationships": related}
        self.files[top] = _json({"data": [here], "links": {"next": None}})
        second = f"{inner}second/"
        self.files[inner] = _json({"data": items[:1], "links": {"next": self.url + second}})
        self.files[second] = _json({"data": items[1:], "links": {"next": None}})
        return f"{self.url}/v2"

    def hub(self, repository, files, commits):
        """Publish files as the hub does, at the commits that names mean."""
        for name, commit in commits.items():
            info = _json({"id": repository, "sha": commit})
            self.files[f"/api/datasets/{repository}/revision/{name}"] = info
        for commit in set(commits.values()):
            folders = {name.rpartition("/")[0] for name in files}
            folders |= {"/".join(f.split("/")[:n]) for f in folders for n in range(4)}
            tree = f"/api/datasets/{repository}/tree/{commit}"
            for folder in folders:
                below = [name for name in files if name.startswith(f"{folder}/") or not folder]
                self.files[f"{tree}/{folder}" if folder else tree] = _json(
                    [_entry(name, files[name]) for name in below]
                )
            for name, content in files.items():
                self.files[f"/datasets/{repository}/resolve/{commit}/{name}"] = content
        return self.url

    def _handler(server):  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_GET(self):
                path = unquote(urlsplit(self.path).path)
                byte_range = self.headers.get("Range")
                server.requests.append((path, byte_range))
                fault = server.faults[path].pop(0) if server.faults[path] else None
                content = server.files.get(path)
                if content is None or isinstance(fault, int):
                    self.send_response(fault or 404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                status, first, last = 200, 0, len(content) - 1
                if byte_range and server.ranges:
                    low, high = re.fullmatch(r"bytes=(\d+)-(\d*)", byte_range).groups()
                    status, first, last = 206, int(low), min(last, int(high or last))
                body = content[first : last + 1]
                if fault == "wrong":
                    body = bytes(byte ^ 255 for byte in body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if fault == "cut":
                    body = body[: len(body) // 2]
                    self.close_connection = True
                self.wfile.write(body)

        return Handler


@pytest.fixture
def server():
    """A server that stops with the test."""
    server = Server()
    yield server
    server.close()


@pytest.fixture
def hub(server, monkeypatch):
    """A server that the hub's library takes for the hub."""
    url = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", url)
    return server


def _json(value):
    return json.dumps(value).encode()


def _entry(name, content):
    facts = {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
    if not name.endswith(".json"):
        checksum = hashlib.sha256(content).hexdigest()
        facts["lfs"] = {"oid": checksum, "size": len(content), "pointerSize": 130}
    return facts


def zipped(files):
    """A zip archive of files by name."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in files.items():
            writer.writestr(name, content)
    return archive.getvalue()


def split(archive, size):
    """Cut an archive as `zip -s` does: places count from the start of a numbered part.

    The directory and its end come to lie in the last part, and no member's header is cut in two.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as reader:
        directory, heads = reader.start_dir, [m.header_offset for m in reader.infolist()]
    cuts = [0]
    for cut in range(size, directory, size):
        # A header of at most 100 bytes stays whole; the bytes of a member may be cut.
        inside = next((head for head in heads if head < cut < head + 100), None)
        cuts.append(cut if inside is None else inside)
    cuts = sorted({*cuts, directory})
    part_of = lambda place: max(n for n, cut in enumerate(cuts) if cut <= place)  # noqa: E731
    body, at, end = bytearray(archive), directory, archive.rindex(b"PK\5\6")
    while at < end:
        fields = list(CENTRAL.unpack_from(body, at))
        fields[13] = part_of(fields[16])
        fields[16] -= cuts[fields[13]]
        CENTRAL.pack_into(body, at, *fields)
        at += CENTRAL.size + sum(fields[10:13])
    fields = list(END.unpack_from(body, end))
    fields[1] = fields[2] = len(cuts) - 1
    fields[6] = 0
    END.pack_into(body, end, *fields)
    return [bytes(body[low:high]) for low, high in zip(cuts, [*cuts[1:], None], strict=True)]
