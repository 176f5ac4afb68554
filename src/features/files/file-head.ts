/** Heads of responses with files. */
import { buildResponseHead } from "../../http/build-head.ts";
import { httpDate } from "../../http/http-date.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { ByteRange } from "../../policy/representation/byte-range.ts";
import { mediaTypeOf } from "../../policy/representation/media-type.ts";
import type { Validators } from "../../policy/representation/preconditions.ts";
import type { OpenFile } from "../../proxy/feature/file-store.ts";

/**
 * A file that was changed less than this time ago may change again and keep its time of change, because clocks of file systems are coarse. Its tag
 * is weak (RFC 9110 section 8.8.1).
 */
const SETTLED_MS = 2000;

/**
 * The tag is made of time and size, and not of the file's inode number: the same file has the same tag on every machine that serves it.
 * @param coding of a compressed copy, which has a tag of its own; "": none
 */
export function validatorsOf({ size, modifiedMs }: Pick<OpenFile, "size" | "modifiedMs">, coding: string, nowMs: number): Validators {
  const opaque = `${Math.floor(modifiedMs * 1000).toString(36)}-${size.toString(36)}${coding === "" ? "" : `-${coding}`}`;
  const isWeak = modifiedMs > nowMs - SETTLED_MS;
  // Section 8.8.2.1: not later than the Date of the response.
  return { tag: `${isWeak ? "W/" : ""}"${opaque}"`, modifiedMs: Math.floor(Math.min(modifiedMs, nowMs) / 1000) * 1000 };
}

export interface HeadParts {
  readonly name: string;
  readonly size: number;
  readonly coding: string;
  readonly validators: Validators;
  /** Whether another client may get a compressed copy. */
  readonly varies: boolean;
}

/** Remembers the heads of whole files that are in memory, as long as these are. */
export class KnownHeads {
  private readonly heads: WeakMap<OpenFile, { readonly parts: HeadParts; readonly head: ResponseHead }> = new WeakMap();

  of(file: OpenFile, parts: HeadParts): ResponseHead {
    if (file.content === null) return fileHead(parts, null);
    const known = this.heads.get(file);
    // The compressed copy of a file is also a file of its own, under another name.
    if (known !== undefined && isSameHead(known.parts, parts)) return known.head;
    const head = fileHead(parts, null);
    this.heads.set(file, { parts, head });
    return head;
  }
}

function isSameHead(one: HeadParts, other: HeadParts): boolean {
  const { tag, modifiedMs } = one.validators;
  return (
    one.name === other.name && one.coding === other.coding && tag === other.validators.tag && modifiedMs === other.validators.modifiedMs
  );
}

/** @param range null: the whole file */
export function fileHead({ name, size, coding, validators, varies }: HeadParts, range: ByteRange | null): ResponseHead {
  const fields: (readonly [string, string])[] = [
    ["Content-Type", mediaTypeOf(name) ?? "application/octet-stream"],
    ...commonFields(validators, varies),
    ["Accept-Ranges", "bytes"],
  ];
  if (coding !== "") fields.push(["Content-Encoding", coding]);
  if (range !== null) fields.push(["Content-Range", `bytes ${range.first}-${range.last}/${size}`]);
  return buildResponseHead({ status: range === null ? 200 : 206 }, fields);
}

/** Section 15.4.5 says which fields a 304 has. */
export function notModifiedHead({ validators, varies }: HeadParts): ResponseHead {
  return buildResponseHead({ status: 304 }, commonFields(validators, varies));
}

function commonFields({ tag, modifiedMs }: Validators, varies: boolean): readonly (readonly [string, string])[] {
  const fields = [
    ["ETag", tag],
    ["Last-Modified", httpDate(modifiedMs)],
  ] as const;
  return varies ? [...fields, ["Vary", "Accept-Encoding"] as const] : fields;
}
