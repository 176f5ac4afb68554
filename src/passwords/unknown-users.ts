/**
 * Hashes for names that a users file does not have, so that a login under one takes as long as a wrong password. Each name has a hash of its own:
 * with one for all of them, two such logins with one password would be computed once, and their time would tell.
 */
import { createHash, createSecretKey } from "node:crypto";
import { hashOfShape, shapeFor, shapesOf } from "../policy/authentication/unknown-user.ts";
import type { HashShapes } from "../policy/authentication/unknown-user.ts";
import { KeyedDigest } from "./keyed-digest.ts";

export class UnknownUsers {
  private readonly digest: KeyedDigest;
  private readonly shapes: HashShapes;

  /**
   * The hash of a name is drawn from all hashes of the file, which nobody outside knows, and not from a key of each thread: a name that took one time
   * here and another there would be known to have no user.
   */
  constructor(users: ReadonlyMap<string, string>) {
    this.shapes = shapesOf(users.values());
    const all = createHash("sha256");
    for (const hash of users.values()) all.update(`${hash}\n`);
    this.digest = new KeyedDigest(createSecretKey(all.digest()));
  }

  /** The hash to verify a password of that name against. Whatever comes of it, the user is refused. */
  hashOf(name: string): string {
    return hashOfShape(shapeFor(this.shapes, this.digest.of("cost", name)), this.digest.of(name));
  }
}
