"""Bare pixels that grow, beside a small text that says how they lie (ENVI)."""

from collections.abc import Iterator

from downcore.simulator.writing import ScanJob, Step, WritePattern, append


def _write(job: ScanJob) -> Iterator[Step]:
    header, path = job.file(".hdr"), job.file(".raw")
    with header.open(job.mode) as file:
        file.write(_header(job))
    yield Step(header, 0, "header written")
    with path.open(job.mode) as file:
        for first, lines in job.chunks():
            append(file, lines)
            n_scanned = first + len(lines)
            yield Step(path, n_scanned, f"{n_scanned} lines written")
    yield Step(path, job.lines.n_lines, "closed")


def _header(job: ScanJob) -> bytes:
    fields = (
        ("samples", job.lines.n_across),
        ("lines", job.lines.n_lines),
        ("bands", 3),
        ("header offset", 0),
        ("file type", "ENVI Standard"),
        ("data type", 1),
        ("interleave", "bip"),
        ("byte order", 0),
    )
    return ("ENVI\n" + "".join(f"{key} = {value}\n" for key, value in fields)).encode()


PATTERN = WritePattern("raw-with-header", "raw pixels that grow, with an ENVI header", _write)
