"""python -m tests.fuzz [--seconds 300] [--decoder NAME] [--seed N]: fuzz every decoder, or one.

Seconds are of the processor's time: however busy the machine is, each decoder gets the same work. Ends with a table,
and with status 1 where something was found.
"""

import argparse
import resource
import sys
import time

from tests.fuzz.decoders import DECODERS
from tests.fuzz.session import Report, fuzz

MAX_MEMORY_BYTES = 4 * 1024**3
"""Of the process: input that asks for more is a finding rather than the machine's end."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz what reads what strangers send.")
    parser.add_argument("--seconds", type=float, default=300, help="of computing for each (default: %(default)g)")
    parser.add_argument("--decoder", choices=sorted(DECODERS), action="append", help="this one; may be given again")
    parser.add_argument("--seed", type=int, help="of the first batch; by default another one each time")
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    first_seed = int(time.time()) * 1000 if asked.seed is None else asked.seed
    print(f"Seed {first_seed}.", flush=True)
    reports = [_fuzz(name, asked.seconds, first_seed) for name in asked.decoder or DECODERS]
    print(_table(reports))
    return 1 if any(report.findings for report in reports) else 0


def _fuzz(name: str, seconds: float, first_seed: int) -> Report:
    shown = time.monotonic()

    def progress(report: Report) -> None:
        nonlocal shown
        if sys.stdout.isatty() and time.monotonic() - shown > 1:
            shown = time.monotonic()
            print(f"\r{_line(report)}", end="", flush=True)

    report = fuzz(DECODERS[name], seconds, first_seed, progress)
    print(f"\r{_line(report)}", flush=True)
    for finding in report.findings.values():
        print(f"  {finding.place}, {finding.times} times: {finding.problem}\n    {finding.example}", flush=True)
    return report


def _line(report: Report) -> str:
    return (
        f"{report.decoder:24}{report.examples:>10} examples{report.seconds:>8.0f} s{len(report.findings):>5} findings"
    )


def _table(reports: list[Report]) -> str:
    head = f"\n{'decoder':24}{'examples':>10}{'seconds':>9}{'a second':>10}{'findings':>10}"
    rows = [
        f"{report.decoder:24}{report.examples:>10}{report.seconds:>9.0f}{report.examples / report.seconds:>10.0f}"
        f"{len(report.findings):>10}"
        for report in reports
    ]
    return "\n".join([head, *rows])


if __name__ == "__main__":
    sys.exit(main())
