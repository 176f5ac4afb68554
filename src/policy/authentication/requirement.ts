/** What a route asks of a client that is known (`require`). */
import { membersOf } from "./claims.ts";

export interface Requirement {
  /** One of them is needed. Absent: any or none will do. */
  readonly roles?: readonly string[] | undefined;
  /** All of them are needed. */
  readonly scopes?: readonly string[] | undefined;
  /** Each claim needs one of its values as a member. */
  readonly claims?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What is known of the client. */
export interface Known {
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What the client lacks; null: nothing. */
export function lackOf(known: Known, { roles, scopes, claims }: Requirement): "role" | "scope" | "claim" | null {
  if (roles !== undefined && !roles.some((role) => known.roles.includes(role))) return "role";
  if (scopes !== undefined && !scopes.every((scope) => known.scopes.includes(scope))) return "scope";
  for (const [name, values] of Object.entries(claims ?? {})) {
    const members = membersOf(known.claims, name);
    if (!values.some((value) => members.includes(value))) return "claim";
  }
  return null;
}
