"""A `python` that forks stages from a process that has imported everything: they begin at once.

`python tests/fuzz/zygote.py SOCKET` is such a process; it prints a line when it is ready.
"""

import importlib
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

SHIM = """\
#!{python} -SE
import json, os, signal, socket, sys
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)  # whoever sends them sends them to the stage as well
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    words = json.dumps([os.getcwd(), *sys.argv[1:]]).encode()
    socket.send_fds(server, [words], [0, 1, 2])
    status = server.recv(100)
sys.exit(int(status or 1))
"""


def install(folder: Path) -> tuple[Path, Path]:
    """Write the shim into a new folder for the PATH; that folder, and the socket's path."""
    folder.mkdir()
    address, shim = folder / "socket", folder / "python"
    shim.write_text(SHIM.format(python=sys.executable, address=str(address)))
    shim.chmod(0o755)
    return folder, address


def start(address: Path, warm: Path) -> int:
    """Fork the process that stages are forked from, once it has run them all; its pid.

    Args:
        address: of its socket.
        warm: a workspace, in which it runs every stage.
    """
    ready, done = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            from in_process import run_stages

            run_stages(warm)
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(address))
                server.listen()
                os.write(done, b"x")
                _serve(server)
        finally:
            os._exit(1)
    os.close(done)
    assert os.read(ready, 1), "no stage could be run"
    return pid


def _serve(server: socket.socket) -> None:
    server.settimeout(0.01)
    waiting: dict[int, socket.socket] = {}
    while True:
        with suppress(TimeoutError):
            connection, _ = server.accept()
            connection.settimeout(5)
            words, files, _, _ = socket.recv_fds(connection, 100_000, 3)
            child = os.fork()
            if child == 0:
                server.close()
                _stage(json.loads(words), files)
            for file in files:
                os.close(file)
            waiting[child] = connection
        for child in list(waiting):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                with suppress(OSError), waiting.pop(child) as connection:
                    connection.send(str(code if code >= 0 else 128 - code).encode())


def _stage(words: list[str], files: list[int]) -> None:
    """Be `python -m MODULE WORDS` from here on."""
    from pipeline import imports, stage

    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, file in enumerate(files):
            os.dup2(file, number)
        folder, _, module, *rest = words
        os.chdir(folder)
        imports.PACKAGE = Path(folder, "pipeline")  # its code may have been edited
        imports.modules.cache_clear()
        imports.named_by.cache_clear()
        sys.argv = [module, *rest]
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        name = module if module.endswith("locate") else f"{module}.__main__"
        stage.main(importlib.import_module(name).command)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        code = 130
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Import all that stages do, but for what they import when they need it, and serve."""
    from pipeline import imports
    from pipeline.params import STAGES

    for name in sorted(imports.closure(f"pipeline.{stage}.__main__" for stage in STAGES)):
        importlib.import_module(name)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(sys.argv[1])
        server.listen()
        print("ready", flush=True)
        _serve(server)


if __name__ == "__main__":
    main()
