/** Calls `then` in `ms` milliseconds of the machine's time, unless the returned function is called before. */
export function afterMs(ms: number, then: () => void): () => void {
  const timer = setTimeout(then, ms);
  return () => clearTimeout(timer);
}
