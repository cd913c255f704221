/** A situation in which tools like this one go wrong. */
export interface Case {
  readonly id: string;
  readonly title: string;
  /** Why there is no test: what refuses it, or why it cannot be. */
  readonly refusal?: string;
}
