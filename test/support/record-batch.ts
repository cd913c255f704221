import { encodeBatch, type BatchToEncode } from "../../src/channel/kafka/record-batch.ts";
import { SpareMemory } from "../../src/util/spare-memory.ts";

/** One for all tests, so that batches are written over what stood in others. */
const scratch = new SpareMemory((bytes) => new ArrayBuffer(bytes));

export const encode = (batch: BatchToEncode): Promise<Uint8Array> => encodeBatch(batch, scratch);
