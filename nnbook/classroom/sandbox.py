"""A Jupyter kernel in bubblewrap, for code that nobody has read.

The kernel sees Python, its packages and nnbook, read-only; an empty home in
memory; one folder for its connection; and no network, no other process, no
environment and no other file of this machine. It may use so much memory, so many
processes, so much CPU time, and write files of so much.

What it does not do: share the CPU fairly, or limit the memory of all of a student's
processes together. And it cannot keep a student from the checks, which run in the
same kernel: who studies them, and IPython, can make them pass. `grade` looks out for
the plain ways only.
"""

import compileall
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import matplotlib.font_manager  # which makes the list where there is none

from nnbook.classroom.course import ClassroomError

NAME = "nnbook-sandbox"
USERS = range(60_000, 65_000)  # user ids for kernels that root starts
TOOLS = ("bwrap", "prlimit", "choom", "setpriv")
HEAVY = ("ipykernel", "keras", "matplotlib", "numpy", "sklearn", "tensorflow")
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/home",
    "USER": "student",
    "PYTHONPATH": "/book:/packages",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MPLBACKEND": "agg",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes:
        cell: seconds for one cell, before it is interrupted.
        total: seconds for a notebook, before its kernel is killed.
        memory: megabytes of address space for each process.
        processes: how many, threads included.
        output: kilobytes that a notebook may print; the rest is dropped.
        disk: megabytes that it may write.
    """

    cell: int = 60
    total: int = 300
    memory: int = 4000
    processes: int = 100
    output: int = 1000
    disk: int = 100


def check() -> None:
    """Make sure that the sandbox can be used.

    Raises:
        ClassroomError: a program is missing, or this system forbids it.
    """
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        raise ClassroomError(
            f"Grading needs {' and '.join(missing)}, to keep students' code away from "
            "your files. On Debian and Ubuntu: apt install bubblewrap util-linux; on "
            "Fedora: dnf install bubblewrap util-linux. On other systems use a Linux "
            "machine or container. To run their code unprotected, on a machine that "
            "holds nothing of value, pass --no-sandbox."
        )
    with tempfile.TemporaryDirectory(prefix="nnbook-") as folder:
        trial = subprocess.run(
            [*command(Path(folder), Limits()), "true"],
            capture_output=True,
            text=True,
            check=False,
        )
    if trial.returncode:
        raise ClassroomError(
            f"The sandbox cannot be set up here: {trial.stderr.strip()}. Ubuntu forbids "
            "it to ordinary users: sudo sysctl "
            "kernel.apparmor_restrict_unprivileged_userns=0 allows it until the next "
            "start. A container needs the right to create namespaces. On a machine that "
            "holds nothing of value, --no-sandbox runs students' code unprotected."
        )


def compile_packages() -> None:
    """Compile all packages, unless that was done: half a minute, once.

    In the sandbox nothing can be written next to them, so that every student's
    kernel would compile what it imports: seconds each, for Keras more than ten.
    """
    found = filter(None, map(importlib.util.find_spec, HEAVY))
    compiled = [importlib.util.cache_from_source(package.origin) for package in found]
    packages = _folder_of("ipykernel").parent
    if not all(map(os.path.exists, compiled)) and os.access(packages, os.W_OK):
        compileall.compile_dir(packages, quiet=2)


def _folder_of(package: str) -> Path:
    return Path(importlib.util.find_spec(package).origin).parent


def command(runtime: Path, limits: Limits) -> list[str]:
    """Return the command that a program is put behind to run in the sandbox.

    Args:
        runtime: the one folder it may write to outside of memory.
        limits: what it may use.
    """
    book, packages = _folder_of("nnbook"), _folder_of("ipykernel").parent
    python = Path(sys.base_prefix).resolve()
    root = os.geteuid() == 0
    # bwrap's own process is the first in the sandbox, where an ordinary user's code
    # could read the environment that it was started with: so it gets none.
    bwrap = ["env", "-i", shutil.which("bwrap")]
    arguments = ["--die-with-parent", "--new-session"]
    # Linux does not limit root's processes, whatever the namespace: so what root
    # starts gives up root for a user id of its own, which needs this namespace's.
    arguments += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    arguments += ["--unshare-cgroup-try", *([] if root else ["--unshare-user"])]
    for folder in ("/usr", "/bin", "/sbin", "/lib", "/lib64"):
        if Path(folder).is_symlink():
            arguments += ["--symlink", os.readlink(folder), folder]
        elif Path(folder).is_dir():
            arguments += ["--ro-bind", folder, folder]
    for path in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts"):
        arguments += ["--ro-bind-try", path, path]
    size = str(limits.disk * 1_000_000)
    for folder in ("/home", "/tmp"):
        arguments += ["--perms", "1777", "--size", size, "--tmpfs", folder]
    # Matplotlib would make its list of fonts anew for each student: seconds.
    for folder in ("/home/.cache", "/home/.cache/matplotlib"):
        arguments += ["--perms", "1777", "--dir", folder]
    for path in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
        arguments += ["--ro-bind", str(path), f"/home/.cache/matplotlib/{path.name}"]
    for folder in sorted({*python.parents, *runtime.parents} - {Path("/")}):
        if folder not in (Path("/usr"), Path("/home"), Path("/tmp")):
            arguments += ["--perms", "755", "--dir", str(folder)]
    if not python.is_relative_to("/usr"):
        arguments += ["--ro-bind", str(python), str(python)]
    arguments += ["--ro-bind", str(packages), "/packages"]
    arguments += ["--perms", "755", "--dir", "/book"]
    arguments += ["--ro-bind", str(book), "/book/nnbook"]
    arguments += ["--bind", str(runtime), str(runtime)]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--chdir", "/home"]
    arguments += ["--perms", "1777", "--size", size, "--tmpfs", "/dev/shm"]
    # These two are in memory, without a size, and an ordinary user's own.
    arguments += ["--remount-ro", "/", "--remount-ro", "/dev"]
    for name, value in (ENVIRONMENT | _folders(runtime)).items():
        arguments += ["--setenv", name, value]
    if root:
        user = str(USERS[os.getpid() % len(USERS)])
        hand_over = 'chown -R "$0:$0" "$1" && shift && exec "$@"'
        arguments += ["sh", "-c", hand_over, user, str(runtime)]
        arguments += ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
        arguments += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    else:
        bwrap += ["--cap-drop", "ALL"]
    # Should memory run out, the kernel is what the system ends first.
    arguments += ["choom", "-n", "1000", "--", "prlimit"]
    arguments += [f"--as={limits.memory * 1_000_000}", f"--nproc={limits.processes}"]
    arguments += [f"--fsize={limits.disk * 1_000_000}", f"--cpu={limits.total}"]
    return [*bwrap, *arguments, "--core=0", "--"]


def _folders(runtime: Path) -> dict[str, str]:
    return {"JUPYTER_RUNTIME_DIR": str(runtime), "TMPDIR": "/tmp"}


def install(folder: Path, runtime: Path, limits: Limits) -> None:
    """Write the kernel's specification, for Jupyter to find in a data folder.

    Args:
        folder: the data folder, one of `JUPYTER_PATH`.
        runtime: where the kernel's connection lives.
        limits: what the kernel may use.
    """
    python = Path(sys.executable).resolve()
    specification = {
        "argv": [
            *command(runtime, limits),
            str(python),
            "-m",
            "ipykernel_launcher",
            "--HistoryManager.hist_file=:memory:",
            "-f",
            "{connection_file}",
        ],
        "display_name": "Python in a sandbox",
        "language": "python",
        "interrupt_mode": "message",  # signals end at bubblewrap
    }
    path = folder / "kernels" / NAME / "kernel.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(specification), encoding="utf-8")
