/** How often something may happen. */
export interface Rate {
  /** As often in each window, in the long run. */
  readonly requests: number;
  readonly windowSeconds: number;
  /** As often at once, after a time of silence. */
  readonly burst: number;
}
