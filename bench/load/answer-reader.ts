/** Reads answers on a kept connection for the load programs: reports when an answer is complete, its status, and whether the connection ends. */
export interface Answer {
  readonly status: number;
  /** Whether the connection ends after this answer. */
  readonly last: boolean;
}

const HEAD_END = "\r\n\r\n";

export class AnswerReader {
  private head = "";
  private bodyLeft = 0;
  private answer: Answer | null = null;
  /** The bytes of the last answer that came in one piece, to recognise the next one: most answers are the same, byte by byte. */
  private lastBytes: Buffer | null = null;
  private lastAnswer: Answer | null = null;

  /** Takes received bytes; returns the answer if they complete it, else null. Throws on an answer without a length, which no origin here sends. */
  push(chunk: Buffer): Answer | null {
    let bytes = chunk.length;
    const isBegin = this.answer === null && this.head === "";
    if (isBegin && this.lastBytes !== null && this.lastBytes.equals(chunk)) return this.lastAnswer;
    if (this.answer === null) {
      this.head += chunk.toString("latin1");
      const end = this.head.indexOf(HEAD_END);
      if (end < 0) return null;
      bytes = this.head.length - end - HEAD_END.length;
      this.begin(this.head.slice(0, end + 2));
      this.head = "";
    }
    this.bodyLeft -= bytes;
    if (this.bodyLeft < 0) throw new Error("more than was asked for");
    if (this.bodyLeft > 0) return null;
    const { answer } = this;
    this.answer = null;
    this.lastBytes = isBegin ? Buffer.from(chunk) : null;
    this.lastAnswer = answer;
    return answer;
  }

  private begin(head: string): void {
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
    const length = /\r\nContent-Length: *(\d+) *\r\n/i.exec(head)?.[1];
    if (status === undefined || length === undefined) throw new Error(`no answer with a length: ${head}`);
    this.bodyLeft = Number(length);
    this.answer = { status: Number(status), last: /\r\nConnection: *close *\r\n/i.test(head) };
  }
}
