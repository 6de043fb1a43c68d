"""A Hugging Face hub of models on this machine, for the real client to push to and pull from."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit


@dataclass
class LocalHub:
    """Commits of each repository, and what was asked of it.

    Attributes:
        endpoint: its address.
        commits: of each repository, pairs of a commit and all of its files by their paths.
        asked: method and path of every request.
    """

    endpoint: str = ""
    commits: dict[str, list[tuple[str, dict[str, bytes]]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def commit(self, repository: str, lines: list[dict]) -> str:
        """Add a commit of a repository from the lines that the client posts."""
        former = self.commits[repository][-1][1] if self.commits[repository] else {}
        added = [line["value"] for line in lines if line["key"] == "file"]
        files = former | {file["path"]: base64.b64decode(file["content"]) for file in added}
        digest = digest_of(f"{len(self.commits[repository])}".encode())
        self.commits[repository].append((digest, files))
        return digest

    def at(self, repository: str, revision: str) -> tuple[str, dict[str, bytes]]:
        """A commit and its files, by the name of the commit; that of any branch is the latest."""
        named = [one for one in self.commits[repository] if one[0] == revision]
        return named[0] if named else self.commits[repository][-1]

    def answer(self, method: str, path: str, body: bytes) -> tuple[dict[str, str], bytes]:
        """Headers and content of the answer to a request.

        Raises:
            LookupError: it asks for what is not there.
        """
        parts = path.strip("/").split("/")
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = "/".join(filter(None, [asked.get("organization"), asked["name"]]))
            self.commits.setdefault(name, [])
            return {}, json.dumps({"url": f"{self.endpoint}/{name}"}).encode()
        if path == "/api/validate-yaml":
            return {}, b'{"errors": [], "warnings": []}'
        if parts[:2] == ["api", "models"]:
            name, action = "/".join(parts[2:4]), parts[4]
            return {}, json.dumps(self._of_model(name, action, parts[5], body)).encode()
        name, revision = "/".join(parts[:2]), parts[3]
        commit, files = self.at(name, revision)
        content = files["/".join(parts[4:])]
        return {"ETag": f'"{digest_of(content)}"', "X-Repo-Commit": commit}, content

    def _of_model(self, name: str, action: str, revision: str, body: bytes) -> object:
        if action == "preupload":
            files = [file["path"] for file in json.loads(body)["files"]]
            modes = {"uploadMode": "regular", "shouldIgnore": False, "oid": None}
            return {"files": [{"path": path, **modes} for path in files]}
        if action == "commit":
            digest = self.commit(name, [json.loads(line) for line in body.splitlines()])
            return {"commitUrl": f"{self.endpoint}/{name}/commit/{digest}", "commitOid": digest}
        commit, files = self.at(name, revision)
        if action == "tree":
            return [
                {"type": "file", "path": path, "size": len(content), "oid": digest_of(content)}
                for path, content in files.items()
            ]
        return {"id": name, "sha": commit, "siblings": [{"rfilename": path} for path in files]}


def digest_of(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def serve(hub: LocalHub) -> ThreadingHTTPServer:
    """Serve a hub on a free port of this machine, its endpoint, until the server's `shutdown`."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(f"{self.command} {path}")
            try:
                status, (headers, content) = 200, hub.answer(self.command, path, body)
            except LookupError:
                status, headers, content = 404, {}, b""
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    return server
