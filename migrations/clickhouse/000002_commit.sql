-- One row for each recorded commit: it makes the recording with this digest the valid one, and is inserted
-- after its counts. Of several rows of a commit the last inserted one holds; no clock decides.
--
-- GTID sets can be long, so they are kept here once. An interval begins behind `from_gtids` and ends with
-- `to_gtids`; `from_gtids` is empty for the first commit of a table, and
-- `snapshot_gtids` is there for it alone: behind that position its changes are counted.
CREATE TABLE IF NOT EXISTS {database:Identifier}.commit
(
    source        LowCardinality(String),
    `database`    LowCardinality(String),
    `table`       LowCardinality(String),
    commit        String,
    recording     UInt64,
    count_rows    UInt32,
    from_gtids    String CODEC(ZSTD(3)),
    to_gtids      String CODEC(ZSTD(3)),
    snapshot_gtids Nullable(String) CODEC(ZSTD(3)),
    committed_at  DateTime64(3, 'UTC'),
    recorded_at   DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY if(match(commit, '^[0-9]{17}$'), substring(commit, 1, 6), 'arm')
ORDER BY (source, `database`, `table`, commit)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 30;
