/** The length of a message's body in bytes, in any HTTP version. 0: no body. -1: not known before the body ends. */
export type BodyLength = number;

/** Whether the number is a valid {@link BodyLength}. An invalid one would be written into a Content-Length field unchecked. */
export function isBodyLength(length: number): boolean {
  return Number.isSafeInteger(length) && length >= -1;
}
