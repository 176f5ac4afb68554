/** Strict reader of a body, for both sides of the soak: by length, in chunks (RFC 9112 section 7.1), or until the connection ends. */
import type { Buffer } from "node:buffer";

/** `inSize`: a chunk's first line; `inEnd`: the line end behind its data; `inTrailer`: a line behind the last chunk. */
type State = "inData" | "inSize" | "inEnd" | "inTrailer" | "ended";

const LINE_MAX = 300;

export class BodyReader {
  /** Lines behind the last chunk. */
  readonly trailers: string[] = [];
  private state: State;
  private left: number;
  private readonly chunked: boolean;
  private line: string = "";

  /** @param framing bytes, `Infinity` for all until the end */
  constructor(framing: number | "chunked") {
    this.chunked = framing === "chunked";
    this.left = framing === "chunked" ? 0 : framing;
    this.state = this.chunked ? "inSize" : this.left === 0 ? "ended" : "inData";
  }

  get ended(): boolean {
    return this.state === "ended";
  }

  /** Reads on; returns where it stopped: at the end of `bytes`, or of the body. */
  read(bytes: Buffer, data: (piece: Buffer) => void): number | "malformed" {
    let at = 0;
    while (at < bytes.length && this.state !== "ended") {
      if (this.state === "inData") {
        const piece = bytes.subarray(at, Math.min(bytes.length, at + this.left));
        at += piece.length;
        this.left -= piece.length;
        if (this.left === 0) this.state = this.chunked ? "inEnd" : "ended";
        data(piece);
        continue;
      }
      const end = bytes.indexOf(0x0a, at);
      this.line += bytes.toString("latin1", at, end < 0 ? bytes.length : end + 1);
      at = end < 0 ? bytes.length : end + 1;
      if (this.line.length > LINE_MAX) return "malformed";
      if (end >= 0 && !this.readLine()) return "malformed";
    }
    return at;
  }

  private readLine(): boolean {
    if (!this.line.endsWith("\r\n")) return false;
    const line = this.line.slice(0, -2);
    this.line = "";
    switch (this.state) {
      case "inSize":
        if (!/^[0-9a-f]+$/i.test(line)) return false;
        this.left = Number.parseInt(line, 16);
        this.state = this.left === 0 ? "inTrailer" : "inData";
        return true;
      case "inEnd":
        this.state = "inSize";
        return line === "";
      case "inTrailer":
        if (line === "") this.state = "ended";
        else this.trailers.push(line);
        return true;
      default:
        return false;
    }
  }
}
