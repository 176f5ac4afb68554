/** What a parser saw of one connection: the common form of both judges' answers. All text is latin1, one character a byte. */

export interface Message {
  /** `POST /x 1.1` of a request, `200 1.1` of a response. */
  readonly start: string;
  /** `name: value` of each line, in order. */
  readonly fields: readonly string[];
  body: string;
  trailers: readonly string[];
  /** The message's end was there. */
  complete: boolean;
  /** No message follows: the connection closes behind it, becomes a tunnel, or this was the final response. */
  last: boolean;
  /** The bytes of the wire that this message took, or up to the wire's end where it is not complete; only our reading knows them. */
  raw: string;
}

export interface Reading {
  readonly messages: Message[];
  /** Why reading stopped; null: everything was read, or more was awaited when the connection ended. */
  fault: string | null;
}

/** How many messages at the beginning are complete. */
export function completeMessages(reading: Reading): number {
  const unfinished = reading.messages.findIndex(({ complete }) => !complete);
  return unfinished < 0 ? reading.messages.length : unfinished;
}

/** Lower-case name of a `name: value` line. */
export function nameOf(line: string): string {
  return line.slice(0, line.indexOf(": ")).toLowerCase();
}

/** The values of all lines of that name (lower case), in order. */
export function valuesOf(fields: readonly string[], name: string): string[] {
  return fields.filter((line) => nameOf(line) === name).map((line) => line.slice(name.length + 2));
}
