import type { ErrorCode } from "../../src/types/errors.ts";

/** A situation in which tools like this one go wrong. */
export interface Case {
  readonly id: string;
  readonly title: string;
  /** Why there is no test: what refuses it, or why it cannot be. */
  readonly refusal?: string;
  /** What it is refused by; a test has to expect it. */
  readonly code?: ErrorCode;
}

/** Cases of one matter, by the letter that their numbers begin with. */
export interface CaseSection {
  readonly title: string;
  readonly cases: readonly Case[];
  /** Whether a number without test and refusal is a failure. */
  readonly isComplete: boolean;
}
