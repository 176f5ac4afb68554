import type { Buffer } from "node:buffer";

/**
 * Makes the worst use of a slice that body-sink.ts allows a receiver: overwrites the bytes before the slice, and the slice itself, as if it
 * had been moved.
 */
export function useUp(bytes: Buffer, start: number, end: number): void {
  if (start > 0) bytes.fill("#", 0, end);
}
