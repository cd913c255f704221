"""Reads Hudi tables with hudi-rs: python hudi-rs-engine.py PLAN.json (written by test/support/engines.ts)."""

import hudi
import pyarrow as pa
import pyarrow.compute as pc

from canonical import run_plan, write_rows


def options_of(view):
    options = hudi.HudiReadOptions()
    if view["kind"] == "asOf":
        return options.with_as_of_timestamp(view["instant"])
    if view["kind"] == "incremental":
        return (
            options.with_query_type(hudi.HudiQueryType.Incremental)
            .with_start_timestamp(view["after"])
            .with_end_timestamp(view["through"])
        )
    return options


def values_of(kind, column):
    if kind == "timestamp":
        # Python's own datetime would do for microseconds, but not for every year.
        zone = column.type.tz
        column = pc.cast(pc.cast(column, pa.timestamp("us", tz=zone)), pa.int64())
    return column.to_pylist()


def read(_plan, step):
    table = hudi.HudiTableBuilder.from_base_uri(step["path"]).build()
    batches = table.read(options_of(step["view"]))
    names = [column["name"] for column in step["columns"]]
    kinds = [column["kind"] for column in step["columns"]]
    types = [None] * len(names)
    rows = []
    # Batch by batch: those of file groups that were written under different schemas cannot be joined.
    for batch in batches:
        types = [str(batch.schema.field(name).type) for name in names]
        columns = [values_of(kind, batch.column(name)) for kind, name in zip(kinds, names)]
        rows.extend(zip(*columns))
    return {"types": types, "rows": write_rows(step["rows"], kinds, rows)}


run_plan(read, lambda error: f"{type(error).__name__}: {error}")
