/**
 * Finds the data of server-sent events (WHATWG HTML, "Server-sent events") in bytes that pass, and hands it on where it lies. Slices may begin and end
 * anywhere. Nothing is kept.
 */

/** Gets the data of events. */
export interface DataSink {
  /** The next bytes of the data. Several lines of data in one event are handed on with a line feed between them. */
  scan(bytes: Uint8Array, start: number, end: number): void;
  /** The event has ended. */
  restart(): void;
}

/** Where in a line: at its beginning, which may be `data:`; in its data; in a line of something else. */
const Place = { name: 0, data: 1, other: 2 } as const;

export class EventData {
  private readonly sink: DataSink;
  private place: number = Place.name;
  /** How many bytes of `data:` the line has begun with. */
  private matched: number = 0;
  /** The last byte was a carriage return: a line feed after it ends no further line. */
  private afterReturn: boolean = false;
  /** How many bytes of a byte order mark the stream has begun with; -1: its beginning is over. */
  private mark: number = 0;

  constructor(sink: DataSink) {
    this.sink = sink;
  }

  /** The next bytes of the stream: `bytes` from `start` up to `end`. */
  scan(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const byte = bytes[at] ?? 0;
      if (byte === LF && this.afterReturn) {
        this.afterReturn = false;
        at++;
      } else if (byte === LF || byte === CR) {
        this.afterReturn = byte === CR;
        this.lineEnded();
        at++;
      } else {
        this.afterReturn = false;
        at = this.inLine(bytes, at, end);
      }
    }
  }

  /** Reads on in a line, and gives the place of what was not read. */
  private inLine(bytes: Uint8Array, from: number, end: number): number {
    if (this.place === Place.name) {
      this.nameByte(bytes[from] ?? 0);
      return from + 1;
    }
    let at = from;
    while (at < end && bytes[at] !== LF && bytes[at] !== CR) at++;
    if (this.place === Place.data) this.sink.scan(bytes, from, at);
    return at;
  }

  private nameByte(byte: number): void {
    if (this.mark >= 0 && this.mark < MARK.length && byte === MARK[this.mark]) {
      this.mark++;
      return;
    }
    this.mark = -1;
    if (byte !== NAME[this.matched]) this.place = Place.other;
    else if (++this.matched === NAME.length) this.place = Place.data;
  }

  private lineEnded(): void {
    this.mark = -1;
    if (this.place === Place.name && this.matched === 0) this.sink.restart();
    else if (this.place === Place.data) this.sink.scan(FEED, 0, 1);
    this.place = Place.name;
    this.matched = 0;
  }
}

const LF = 0x0a;
const CR = 0x0d;
const FEED = Uint8Array.of(LF);
/** `data:` */
const NAME = Uint8Array.of(0x64, 0x61, 0x74, 0x61, 0x3a);
const MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
