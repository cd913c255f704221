"""One exact text for every value, whichever engine read it, so that rows can be compared as text.

A row file is NDJSON: a row is an array of texts and nulls, in the order of the plan's columns. By kind:
int and decimal in plain decimal notation (a decimal with all digits of its scale), float and double as the
hexadecimal bits of the IEEE value, binary as hexadecimal, date as yyyy-MM-dd, timestamp as microseconds
since 1970, string as it is. No value passes through a type that could round it.
"""

import json
import os
import struct
import sys
import threading
import time
import traceback


def canonical(kind, value):
    if value is None:
        return None
    if kind == "float":
        return struct.pack(">f", value).hex()
    if kind == "double":
        return struct.pack(">d", value).hex()
    if kind == "decimal":
        return format(value, "f")
    if kind == "binary":
        return bytes(value).hex()
    if kind == "date":
        return value if isinstance(value, str) else value.isoformat()
    return str(value)


def write_rows(file, kinds, rows):
    """Writes an iterable of rows of raw values; answers how many there were."""
    count = 0
    with open(file, "w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            texts = [canonical(kind, value) for kind, value in zip(kinds, row, strict=True)]
            out.write(json.dumps(texts, ensure_ascii=False) + "\n")
            count += 1
    return count


def end_with_parent():
    """Nothing is ever written to our stdin: its end is the end of the test run, however that came about."""
    os.read(0, 1)
    os._exit(1)


def run_plan(do_step, describe_error):
    """Runs the steps of the plan named on the command line, and leaves the results beside it.

    A step that fails is a result too: the others still run, since starting an engine costs more than they do.
    """
    threading.Thread(target=end_with_parent, daemon=True).start()
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    results = []
    for step in plan["steps"]:
        started = time.monotonic()
        try:
            result = {"error": None, **do_step(plan, step)}
        except BaseException as error:  # hudi-rs panics outside of Exception.
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            traceback.print_exc()
            result = {"error": describe_error(error)}
        results.append({**result, "seconds": time.monotonic() - started})
    with open(plan["results"], "w", encoding="utf-8") as file:
        json.dump(results, file)
