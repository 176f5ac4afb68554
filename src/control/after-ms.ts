/** Calls `then` after `ms` milliseconds. The returned function cancels the call. */
export function afterMs(ms: number, then: () => void): () => void {
  const timer = setTimeout(then, ms);
  return () => clearTimeout(timer);
}
