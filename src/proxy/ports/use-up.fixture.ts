import type { Buffer } from "node:buffer";

/** Does what the receiver of a slice may do (body-sink.ts): what lies before it is written over, and it may have been moved there. */
export function useUp(bytes: Buffer, start: number, end: number): void {
  if (start > 0) bytes.fill("#", 0, end);
}
