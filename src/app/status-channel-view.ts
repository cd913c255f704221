import type { Paint } from "../util/paint.ts";
import { printable } from "../util/printable.ts";
import { textTable } from "../util/text-table.ts";
import { formatCount, formatDuration } from "../util/units.ts";
import type { ChannelStatus } from "./status-channel.ts";

/** Partitions without lag are summed up beyond this many. */
const PARTITIONS_SHOWN = 12;

/** Of the channel in the head of the status. */
export function channelText({ brokers, lag, error }: ChannelStatus): string {
  if (lag === null) return `unknown: ${error ?? "Kafka does not answer"}`;
  if (lag.head === null) return `Kafka at ${brokers}, nothing published yet`;
  const records = lag.partitions.reduce((sum, partition) => sum + partition.records, 0);
  const more = lag.isAtLeast ? "at least " : "";
  return `Kafka at ${brokers}, ${more}${formatCount(records)} change${records === 1 ? "" : "s"} not applied`;
}

/** A line for each partition that is behind, or all when they are few; and what holds up readers. */
export function channelBlock({ lag }: ChannelStatus, nowMs: number, paint: Paint): string[] {
  if (lag === null || lag.partitions.length === 0) return [];
  const isShort = lag.partitions.length <= PARTITIONS_SHOWN;
  const shown = lag.partitions.filter(({ records, stable, end }) => isShort || records > 0 || stable < end);
  const header = ["topic", "partition", "changes", "offsets", "oldest", "stable", "end"];
  const rows = shown.map(({ topic, partition, records, offsets, oldestMs, stable, end }) => [
    printable(topic),
    String(partition),
    `${lag.isAtLeast && records > 0 ? "≥ " : ""}${formatCount(records)}`,
    formatCount(offsets),
    oldestMs === null ? "-" : `${formatDuration(Math.max(0, nowMs - oldestMs))} ago`,
    formatCount(stable),
    formatCount(end),
  ]);
  const rest = lag.partitions.length - shown.length;
  return [
    ...textTable([header.map((text) => paint("dim", text)), ...rows], {
      align: ["left", "right", "right", "right", "right", "right", "right"],
    }),
    ...(rest === 0 ? [] : [`${rest} ${rest === 1 ? "partition" : "partitions"} without lag`]),
    ...lag.hanging.map(
      ({ topic, partition, producerId, epoch, openFrom, lastMs }) =>
        `${paint("red", "hanging transaction")} in ${printable(topic)}/${partition} from offset ${openFrom} on, of producer ${producerId} in epoch ${epoch}, ${formatDuration(Math.max(0, nowMs - lastMs))} old\n  remedy: kafka-transactions --bootstrap-server <broker> abort --topic ${printable(topic)} --partition ${partition} --start-offset ${openFrom}`,
    ),
  ];
}

/** The same for scripts. */
export const channelJson = ({ brokers, lag, error }: ChannelStatus, nowMs: number) => ({
  brokers,
  error,
  head: lag?.head ?? null,
  isAtLeast: lag?.isAtLeast ?? null,
  partitions:
    lag?.partitions.map(({ oldestMs, ...partition }) => ({
      ...partition,
      lagSeconds: oldestMs === null ? 0 : Math.max(0, nowMs - oldestMs) / 1000,
    })) ?? null,
  hangingTransactions: lag?.hanging ?? null,
});
