"""Reads Hudi tables with Spark and, as another writer would, changes them: python spark-engine.py PLAN.json.

All steps of a plan run in one JVM, with the one bundle that the plan names.
"""

import decimal
import os
import sys

# Python workers are not used, and the driver shall not look for a network.
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

from pyspark.sql import SparkSession, functions as F  # noqa: E402

from canonical import run_plan, write_rows  # noqa: E402

META = "_hoodie_"
_sessions = []


def session(plan):
    if not _sessions:
        builder = SparkSession.builder.master("local[2]").appName("tallylake-engines")
        for key, value in plan["spark"].items():
            builder = builder.config(key, value)
        _sessions.append(builder.getOrCreate())
        _sessions[0].sparkContext.setLogLevel("ERROR")
    return _sessions[0]


def load(spark, path, view):
    reader = spark.read.format("hudi")
    if view["kind"] == "asOf":
        reader = reader.option("as.of.instant", view["instant"])
    if view["kind"] == "incremental":
        reader = (
            reader.option("hoodie.datasource.query.type", "incremental")
            .option("hoodie.datasource.read.begin.instanttime", view["after"])
            .option("hoodie.datasource.read.end.instanttime", view["through"])
        )
    return reader.load(path)


def quoted(name):
    return "`" + name.replace("`", "``") + "`"


def selected(column):
    """Leaves to Spark what Python's types cannot hold: all years, and microseconds without a time zone."""
    value = F.col(quoted(column["name"]))
    if column["kind"] == "timestamp":
        return F.unix_micros(value)
    if column["kind"] == "date":
        return value.cast("string")
    return value


EXACT = decimal.Context(prec=38, traps=[decimal.Inexact, decimal.InvalidOperation])


def with_scale(value, unit):
    """The way from the JVM keeps a decimal's value but not the number of its zeros."""
    return value if unit is None or value is None else value.quantize(unit, context=EXACT)


def read(plan, step):
    frame = load(session(plan), step["path"], step["view"])
    types = dict(frame.dtypes)
    columns = [selected(column).alias(f"c{i}") for i, column in enumerate(step["columns"])]
    selection = frame.select(columns)
    scales = [getattr(field.dataType, "scale", None) for field in selection.schema]
    units = [None if scale is None else decimal.Decimal(1).scaleb(-scale) for scale in scales]
    rows = ([with_scale(*pair) for pair in zip(row, units)] for row in selection.collect())
    return {
        "types": [types.get(column["name"]) for column in step["columns"]],
        "rows": write_rows(step["rows"], [column["kind"] for column in step["columns"]], rows),
    }


def write(plan, step):
    """Writes what the step's statement makes of the table's current rows, which it sees as `current`."""
    spark = session(plan)
    for key, value in step["settings"].items():
        spark.conf.set(key, value)
    current = load(spark, step["path"], {"kind": "snapshot"})
    current = current.drop(*[name for name in current.columns if name.startswith(META)])
    current.createOrReplaceTempView("current")
    changes = spark.sql(step["select"])
    changes.write.format("hudi").options(**step["options"]).mode("append").save(step["path"])
    return {}


def describe(error):
    """The chain of Java's causes where there is one: Spark's own message hides the reason."""
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    lines = []
    while java is not None and len(lines) < 10:
        lines.append(str(java.toString()))
        java = java.getCause()
    return "\n<= ".join(lines) if lines else f"{type(error).__name__}: {error}"


run_plan(lambda plan, step: {"read": read, "write": write}[step["do"]](plan, step), describe)
for running in _sessions:
    running.stop()
sys.exit(0)
