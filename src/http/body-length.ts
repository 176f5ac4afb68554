/** How long a message's body is, whatever HTTP version frames it: -1 unknown until it ends, 0 none, else its bytes. */
export type BodyLength = number;

/** Whether that number says how long a body is: another one would be written into a head as it is. */
export function isBodyLength(length: number): boolean {
  return Number.isSafeInteger(length) && length >= -1;
}
