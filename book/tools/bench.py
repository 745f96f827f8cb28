"""Measure what each chapter costs, and put the table into the README.

    python -m book.tools.bench

Each notebook runs in a process of its own, so that its kernel's CPU time and
peak memory can be told from the others'. Nothing is stored in the notebooks.
"""

import csv
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from book.tools.editions import chapters
from book.tools.run import NOTEBOOKS, execute, read

TABLE = Path("book/bench.csv")
README = Path("README.md")
BEGIN, END = (
    "<!-- bench: `make bench` writes this table -->\n",
    "<!-- end of bench -->\n",
)
COLUMNS = ["notebook", "wall s", "CPU s", "peak MB", "before the lesson"]


def measure(path: Path) -> list[str]:
    """Run a notebook and return its row.

    The time before the lesson is what the kernel's start and the setup cell,
    mostly imports, take of the wall time.
    """
    with ProcessPoolExecutor(max_workers=1) as process:
        wall, before, usage = process.submit(_run, path).result()
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return [
        path.relative_to(NOTEBOOKS).with_suffix("").as_posix(),
        f"{wall:.0f}",
        f"{usage.ru_utime + usage.ru_stime:.0f}",
        f"{usage.ru_maxrss * kilobyte / 1e6:.0f}",
        f"{before / wall:.0%}",
    ]


def _run(path: Path) -> tuple[float, float, resource.struct_rusage]:
    started = time.perf_counter()
    ends = []
    execute(read(path), path, lambda _: ends.append(time.perf_counter()))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - started, ends[0] - started, usage


def as_markdown(rows: list[list[str]]) -> str:
    """Write the table as the README shows it."""
    lines = [COLUMNS, ["---"] + ["---:"] * (len(COLUMNS) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Measure all chapters, one after the other."""
    rows = []
    for path in chapters():
        rows.append(measure(path))
        print(dict(zip(COLUMNS, rows[-1], strict=True)))
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = f"{before}{BEGIN}{as_markdown(rows)}{END}{after}"
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
