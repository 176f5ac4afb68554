/**
 * Hashes for names that a users file does not have, so that a login under one takes as long as a wrong password. Each name has a hash of its own:
 * with one for all of them, two such logins with one password would be computed once, and their time would tell.
 */
import { commonShape, hashOfShape } from "../policy/authentication/unknown-user.ts";
import type { HashShape } from "../policy/authentication/unknown-user.ts";
import { KeyedDigest } from "./keyed-digest.ts";

export class UnknownUsers {
  private readonly digest: KeyedDigest = new KeyedDigest();
  private readonly shape: HashShape;

  constructor(users: ReadonlyMap<string, string>) {
    this.shape = commonShape(users.values());
  }

  /** The hash to verify a password of that name against. Whatever comes of it, the user is refused. */
  hashOf(name: string): string {
    return hashOfShape(this.shape, this.digest.of(name));
  }
}
