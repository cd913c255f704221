/**
 * Rows of a table as canonical JSON (`capture/row-decode.ts` says what that is), each behind its key, which is an object
 * of the key columns alone: one text behind the other, with no gaps.
 */
export interface KeyedRows {
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Length `count`: end of the key, which begins where the row before it ended. */
  readonly keyEnd: Uint32Array;
  /** Length `count`: end of the row, which begins where its key ends. */
  readonly rowEnd: Uint32Array;
}
