import { hash } from "node:crypto";

/** A script that runs in Redis, and the hash by which it knows it. */
export interface Script {
  readonly text: string;
  readonly sha1: string;
}

export function scriptOf(text: string): Script {
  return { text, sha1: hash("sha1", text) };
}
