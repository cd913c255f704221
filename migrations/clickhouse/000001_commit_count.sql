-- Counts of the hops, one row for each hop, class and minute of a recording of a commit. A recording is
-- valid when the table `commit` names it; rows of any other one are of an attempt that did not finish,
-- or that was replaced.
--
-- The sorting key is the identity of a row, so a retried insert replaces itself, at the latest when it is
-- read with FINAL. The partition derives from the commit and so from the sorting key. `recording` is a
-- digest of what was recorded. `minute` is of the source's commit time, in minutes since 1970.
--
-- Old parts are dropped soon, because a replaced part of a few rows costs more memory than disk; so that
-- a power cut cannot take both, inserts and merges are synced.
CREATE TABLE IF NOT EXISTS {database:Identifier}.commit_count
(
    source        LowCardinality(String),
    hop           LowCardinality(String),
    `database`    LowCardinality(String),
    `table`       LowCardinality(String),
    commit        String,
    minute        UInt32,
    class         LowCardinality(String),
    recording     UInt64,
    rows          UInt64,
    ids_sum       UInt64,
    ids_xor       UInt64,
    has_content   Bool,
    content_sum   UInt64,
    content_xor   UInt64,
    committed_at  DateTime64(3, 'UTC'),
    recorded_at   DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY if(match(commit, '^[0-9]{17}$'), substring(commit, 1, 6), 'arm')
ORDER BY (source, hop, `database`, `table`, commit, minute, class, recording)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 30;
