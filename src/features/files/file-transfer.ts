/** Answers one request with a file: finds it, decides by the conditions of the request, and sends it at the client's pace. */
import { Buffer } from "node:buffer";
import type { RequestHead } from "../../http/request-head.ts";
import { rangeOf } from "../../policy/representation/byte-range.ts";
import { evaluate, rangeHolds } from "../../policy/representation/preconditions.ts";
import type { Conditions } from "../../policy/representation/preconditions.ts";
import type { NoFile, OpenFile } from "../../proxy/feature/file-store.ts";
import type { SourceInput, SourceResponse } from "../../proxy/feature/response-source.ts";
import { FAILED, PRECONDITION, answerFor, noSuchRange } from "./file-answers.ts";
import { fileHead, notModifiedHead, validatorsOf } from "./file-head.ts";
import type { FoundFile, ServedFolder } from "./served-folder.ts";

/** What a request asks for. The head itself is valid only until the exchange has finished. */
interface Asked extends Conditions {
  readonly isHead: boolean;
  readonly path: string;
  /** With the question mark; "": there is none. */
  readonly query: string;
  readonly range: string | undefined;
  readonly acceptEncoding: readonly string[];
}

export class FileTransfer implements SourceInput {
  private readonly folder: ServedFolder;
  private readonly asked: Asked;
  private readonly nowMs: number;
  private readonly response: SourceResponse;
  /** Called with what the operator should know. */
  private readonly trouble: (what: string, path: string) => void;
  private file: OpenFile | null = null;
  private isOver: boolean = false;
  /** Called when the client takes more, or is gone. */
  private goOn: (() => void) | null = null;

  /** @param nowMs when the request came, in milliseconds since 1970 */
  constructor(
    folder: ServedFolder,
    request: RequestHead,
    nowMs: number,
    response: SourceResponse,
    trouble: (what: string, path: string) => void,
  ) {
    this.folder = folder;
    this.asked = askedBy(request);
    this.nowMs = nowMs;
    this.response = response;
    this.trouble = trouble;
  }

  start(): void {
    this.run().then(
      () => this.letGo(),
      (error: unknown) => {
        this.letGo();
        this.response.fail(error);
      },
    );
  }

  /** The exchange has ended: the client has left, for instance. */
  abort(): void {
    this.letGo();
    this.writable();
  }

  writable(): void {
    const { goOn } = this;
    this.goOn = null;
    goOn?.();
  }

  private letGo(): void {
    this.isOver = true;
    this.file?.close();
    this.file = null;
  }

  private async run(): Promise<void> {
    const { asked, folder, response } = this;
    const found = await folder.find(asked.path);
    if (this.isOver) return closeFound(found);
    if (typeof found === "string") {
      const trouble = TROUBLES[found];
      if (trouble !== undefined) this.trouble(trouble, asked.path);
      return response.answer(answerFor(found, asked.path, asked.query));
    }
    const varies = folder.mayBeCompressed(found.name);
    const { file, coding } = varies ? await folder.bestOf(found, asked.acceptEncoding) : { file: found.file, coding: "" };
    if (this.isOver) return file.close();
    this.file = file;
    const { size } = file;
    const validators = validatorsOf(file, coding, this.nowMs);
    const parts = { name: found.name, size, coding, validators, varies };
    const verdict = evaluate(asked, validators);
    if (verdict === "failed") return response.answer(PRECONDITION);
    if (verdict === "not_modified") {
      response.respond(notModifiedHead(parts), 0);
      return response.end(null);
    }
    // A range is for GET only (RFC 9110 section 14.2).
    const range = asked.isHead || !rangeHolds(asked, validators) ? null : rangeOf(asked.range, size);
    if (range === "unsatisfiable") return response.answer(noSuchRange(size));
    const { first, last } = range ?? { first: 0, last: size - 1 };
    response.respond(range === null ? folder.heads.of(file, parts) : fileHead(parts, range), last - first + 1);
    if (asked.isHead || size === 0) return response.end(null);
    if (file.content === null) return this.send(file, first, last);
    response.write(first === 0 && last === size - 1 ? file.content : file.content.subarray(first, last + 1));
    response.end(null);
  }

  private async send(file: OpenFile, first: number, last: number): Promise<void> {
    const { response } = this;
    const buffer = Buffer.allocUnsafeSlow(Math.min(file.pieceBytes, last - first + 1));
    for (let at = first; at <= last;) {
      const left = last + 1 - at;
      const count = await file.read(left < buffer.length ? buffer.subarray(0, left) : buffer, at);
      if (this.isOver) return;
      if (count <= 0) {
        this.trouble(count < 0 ? "a file could not be read on" : "a file became shorter while it was sent", this.asked.path);
        // The response is cut, so that the client does not take it for complete.
        return response.answer(FAILED);
      }
      response.write(buffer.subarray(0, count));
      at += count;
      if (at <= last && !response.flush()) await new Promise<void>((resolve) => (this.goOn = resolve));
      if (this.isOver) return;
    }
    response.end(null);
  }
}

/** What the operator should know. */
const TROUBLES: Readonly<Partial<Record<NoFile, string>>> = {
  unreadable: "a file may not be read by this user",
  busy: "a file was not opened: too many are open, or it changes all the time",
  failed: "a file could not be read",
};

function askedBy(request: RequestHead): Asked {
  const { method, path, forwardTarget } = request;
  return {
    isHead: method === "HEAD",
    path,
    query: forwardTarget.slice(path.length),
    range: request.get("range"),
    acceptEncoding: request.values("accept-encoding"),
    ifMatch: request.values("if-match"),
    ifNoneMatch: request.values("if-none-match"),
    ifModifiedSince: request.get("if-modified-since"),
    ifUnmodifiedSince: request.get("if-unmodified-since"),
    ifRange: request.get("if-range"),
  };
}

function closeFound(found: FoundFile | NoFile): void {
  if (typeof found !== "string") found.file.close();
}
