import { createServer, type AddressInfo, type Socket } from "node:net";
import { expect, test } from "vitest";
import { clusterMetadata, metadataOf } from "../../../../scripts/kafka/cluster-metadata.ts";

const int16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff]);
const int32 = (value: number): Buffer => Buffer.concat([int16(value >> 16), int16(value)]);
const text = (value: string | null): Buffer =>
  value === null ? int16(-1) : Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);

function answer(brokers: readonly [number, string | null][], clusterId: string | null): Buffer {
  const body = Buffer.concat([
    ...[int32(0), int32(brokers.length)],
    ...brokers.flatMap(([id, rack]) => [int32(id), text("127.0.0.1"), int32(9092), text(rack)]),
    // Who the controller is, and no topics.
    ...[text(clusterId), int32(1), int32(0)],
  ]);
  return Buffer.concat([int32(body.length), body]);
}

// As a broker of version 4.3.1 sent it.
const RECORDED = Buffer.from(
  "0000003d0000000100000001000000010009" +
    "3132372e302e302e3100005fc0ffff0016" +
    "4d6b55334f455642 4e5463774e544a45 4e444d3251 6b000000 0100000000".replaceAll(" ", ""),
  "hex",
);

test("what a real broker says", () => {
  expect(metadataOf(RECORDED)).toEqual({ clusterId: "MkU3OEVBNTcwNTJENDM2Qk", brokerIds: [1] });
});

test.each<{ brokers: readonly [number, string | null][]; clusterId: string | null }>([
  { brokers: [], clusterId: "c" },
  {
    brokers: [
      [3, "a rack"],
      [1, null],
    ],
    clusterId: "c",
  },
  { brokers: [[1, null]], clusterId: null },
])("$brokers of $clusterId", ({ brokers, clusterId }) => {
  const brokerIds = brokers.map(([id]) => id);
  expect(metadataOf(answer(brokers, clusterId))).toEqual({ clusterId, brokerIds });
});

test("an answer that has not come as a whole is none", () => {
  for (let length = 0; length < RECORDED.length; length++) {
    expect(metadataOf(RECORDED.subarray(0, length))).toBeNull();
  }
});

async function listening(serve: (socket: Socket) => void): Promise<AsyncDisposable & { port: number }> {
  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

test("a broker is asked for its brokers and for no topic, and may answer in pieces", async () => {
  const asked: Buffer[] = [];
  await using broker = await listening((socket) => {
    socket.on("data", (chunk: Buffer) => {
      asked.push(chunk);
      socket.write(RECORDED.subarray(0, 30), () => socket.write(RECORDED.subarray(30)));
    });
  });
  expect((await clusterMetadata(broker.port))?.brokerIds).toEqual([1]);
  expect(Buffer.concat(asked).toString("hex")).toBe(
    "0000000e" + "00030002" + "00000000" + "ffff" + "00000000",
  );
});

test("one that hangs up, or is not there, has not answered", async () => {
  let port: number;
  {
    await using broker = await listening((socket) => socket.destroy());
    ({ port } = broker);
    expect(await clusterMetadata(port)).toBeNull();
  }
  expect(await clusterMetadata(port)).toBeNull();
});
