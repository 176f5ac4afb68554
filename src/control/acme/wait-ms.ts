import { afterMs } from "../after-ms.ts";

/** Resolves after that time, or when `signal` is aborted. */
export function waitMs(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const over = (): void => {
      cancel();
      signal.removeEventListener("abort", over);
      resolve();
    };
    const cancel = afterMs(ms, over);
    signal.addEventListener("abort", over);
  });
}
