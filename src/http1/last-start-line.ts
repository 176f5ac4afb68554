/** The start line of the message before. Where the next one is the same, octet by octet, it need not be read again. */

/** Longer ones are read each time. */
const OCTETS_MAX = 256;
/** After so many that differed in a row ... */
const DIFFERENT_MAX = 4;
/** ... so many are not compared. */
const PASSED_OVER = 64;
const NO_OCTETS = new Uint8Array(0);

export class LastStartLine {
  private octets: Uint8Array = NO_OCTETS;
  /** With its CRLF; 0: none is remembered. */
  private length: number = 0;
  private different: number = 0;
  private passOver: number = 0;

  /** How many octets it has if all of it stands at `at`, before `end`; else 0. */
  lengthAt(bytes: Uint8Array, at: number, end: number): number {
    const { octets, length } = this;
    if (length === 0 || end - at < length) return 0;
    for (let index = 0; index < length; index++) if (bytes[at + index] !== octets[index]) return 0;
    this.different = 0;
    return length;
  }

  /** Another one was read. */
  remember(bytes: Uint8Array, start: number, end: number): void {
    this.length = 0;
    if (this.passOver > 0) {
      this.passOver--;
      return;
    }
    if (++this.different > DIFFERENT_MAX) {
      this.different = 0;
      this.passOver = PASSED_OVER;
    }
    const length = end - start;
    if (length > OCTETS_MAX) return;
    if (this.octets === NO_OCTETS) this.octets = new Uint8Array(OCTETS_MAX);
    this.length = length;
    for (let index = 0; index < length; index++) this.octets[index] = bytes[start + index] as number;
  }

  forget(): void {
    this.length = 0;
    this.different = 0;
    this.passOver = 0;
  }
}
