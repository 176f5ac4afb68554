/** `allow`, `deny` and what else asks who a client is. */
import { parseCidr } from "../../base/cidr.ts";
import { both, defined } from "../model/conditions.ts";
import type { Conditions } from "../model/conditions.ts";
import type { Keys, RouteDraft, Value } from "../model/draft.ts";
import type { Notes } from "../model/notes.ts";
import type { Sources } from "../model/sources.ts";
import { NOBODY } from "../model/tls.ts";
import { REALM_TEXT, hashesNote } from "../model/users.ts";
import type { Directive } from "./parse.ts";
import { identityField } from "./remote-user.ts";
import type { Scope } from "./scope.ts";

export interface Admission {
  /** `access` and `authentication` of the route. */
  readonly keys: Keys;
  /** Who comes in without `authentication`, one of these being enough. */
  readonly open: readonly Conditions[];
}

/** "closed": nobody is admitted. */
export type Access = Admission | "closed";

/** @param asked `authentication` by the word of a service; a text says why it cannot be kept */
export function accessOf(
  scope: Scope,
  sources: Sources,
  notes: Notes,
  comments: string[],
  asked: (guard: Directive) => Keys | string,
): Access {
  const guards = guardsOf(scope);
  const guard = guardOf(scope, guards);
  const isAny = scope.value("satisfy") === "any";
  const service = guard?.name !== "auth_request" ? null : guards.length > 1 ? "other logins must hold beside it" : asked(guard);
  const basic =
    guard?.name === "auth_basic"
      ? basicOf(scope, guard, sources, notes, comments)
      : service === null || typeof service === "string"
        ? null
        : { authentication: service };
  if (basic !== null && isAny) return { keys: basic, open: openTo(scope, notes, comments) };
  const byAddress = addressRules(scope, notes, comments);
  if (guard === undefined || byAddress === "closed") return byAddress;
  if (basic !== null) return { ...byAddress, keys: { ...byAddress.keys, ...basic } };
  if (isAny && isOnlyFor(byAddress.keys["access"])) {
    notes.add({ ...asNote(guard), why: "has no equivalent; only the addresses that are allowed without it come in" }, comments);
    return byAddress;
  }
  if (guard.name !== "auth_basic")
    notes.add(
      {
        ...asNote(guard),
        why:
          guard.name === "ssl_verify_client"
            ? OF_CERTIFICATES
            : typeof service === "string"
              ? `${service}, ${CLOSED}`
              : `has no equivalent yet, ${CLOSED}`,
      },
      comments,
    );
  return { keys: { access: NOBODY }, open: [] };
}

const CLOSED = "so nobody is let in here: write `authentication`, and take out `access`";
const OF_CERTIFICATES =
  "it cannot be kept, so nobody is let in here: write `client_certificates` in `tls` of the listener, and take out `access` (docs/client-certificates.md)";

function isOnlyFor(access: Value | undefined): boolean {
  return typeof access === "object" && "allow" in access;
}

/** The routes, and before each the same for those who need not log in. */
export function withOpen(drafts: readonly RouteDraft[], open: readonly Conditions[]): readonly RouteDraft[] {
  if (open.length === 0) return drafts;
  return drafts.flatMap((draft) => {
    const { authentication: _, ...keys } = draft.keys;
    const match = draft.match.flatMap((one) => open.map((other) => both(one, other))).filter((each) => typeof each === "object");
    const comments = [...draft.comments, "`satisfy any`: these addresses need no password"];
    return match.length === 0
      ? [draft]
      : [
          { match, keys, comments },
          { ...draft, comments: [] },
        ];
  });
}

/** What admits whom both admit, where requests pass through one location to another. */
export function bothAdmit(one: Admission, other: Admission): Admission {
  // What the origin is told is said where requests are sent to it.
  const first = defined({ ...one.keys, authentication: withoutNames(one.keys["authentication"]) });
  const keys: Record<string, Value | undefined> = { ...first, ...other.keys };
  const asks = one.keys["authentication"] !== undefined && other.keys["authentication"] !== undefined;
  const differs = (first: Value | undefined, second: Value | undefined): boolean =>
    first !== undefined && second !== undefined && JSON.stringify(first) !== JSON.stringify(second);
  if (differs(one.keys["access"], other.keys["access"]) || (asks && differs(usersOf(one), usersOf(other)))) keys["access"] = NOBODY;
  if (asks) return { keys, open: differs(one.open as Value, other.open as Value) ? [] : one.open };
  return { keys, open: one.keys["authentication"] === undefined ? other.open : one.open };
}

function withoutNames(authentication: Value | undefined): Value | undefined {
  return authentication === undefined ? undefined : { ...(authentication as Keys), identity_headers: undefined };
}

function usersOf({ keys }: Admission): Value | undefined {
  const { basic, forward } = keys["authentication"] as { readonly basic?: Keys; readonly forward?: Keys };
  // What the origin is told of the answer differs from location to location.
  return basic === undefined ? { ...forward, copy: undefined, copy_response: undefined } : basic["users_file"];
}

/** The directives by which clients must prove who they are. */
function guardsOf(scope: Scope): readonly Directive[] {
  return ["ssl_verify_client", "auth_jwt", "auth_request", "auth_basic"]
    .map((name) => scope.last(name))
    .filter((directive) => directive !== undefined)
    .filter(({ args: [first = ""] }) => !["off", "optional", "optional_no_ca"].includes(first));
}

/** That of the guards by which the routes are made. What has no equivalent comes first: it must not come open beside one that has. */
function guardOf(scope: Scope, guards: readonly Directive[]): Directive | undefined {
  const basic = guards.find(({ name }) => name === "auth_basic");
  // Where any is enough, that one is.
  return scope.value("satisfy") === "any" && basic !== undefined ? basic : guards[0];
}

/** `authentication` of the route; null: who may come in cannot be told. */
function basicOf(scope: Scope, guard: Directive, sources: Sources, notes: Notes, comments: string[]): Keys | null {
  const file = scope.last("auth_basic_user_file");
  const name = file?.args[0] ?? "";
  if (file === undefined || name === "" || name.includes("$")) {
    const missing = file === undefined ? "no `auth_basic_user_file` says who may come in" : "its file is chosen by a variable";
    notes.add({ ...asNote(file ?? guard), why: `${missing}, ${CLOSED}` }, comments);
    return null;
  }
  const [realm = ""] = guard.args;
  if (realm.includes("$"))
    notes.add({ ...asNote(guard), why: "what it says is chosen by a variable, so everybody is asked for a password" }, comments);
  const hashes = hashesNote(sources.text(name));
  if (hashes !== null) notes.add({ ...asNote(file), why: hashes }, comments);
  const user = identityField(scope);
  return {
    authentication: defined({
      basic: defined({ users_file: name, realm: REALM_TEXT.test(realm) && !realm.includes("$") ? realm : undefined }),
      identity_headers: user === null ? undefined : { user },
    }),
  };
}

/** Whom `satisfy any` lets in by their address: the first rule that fits counts. */
function openTo(scope: Scope, notes: Notes, comments: string[]): readonly Conditions[] {
  const open: { clients?: readonly string[]; not?: readonly Conditions[] }[] = [];
  const denied: string[] = [];
  for (const rule of scope.allOf(["allow", "deny"])) {
    const [address = ""] = rule.args;
    const isAll = address === "all";
    if (!isAll && parseCidr(address) === null) {
      // Who is not let in by address may still log in.
      if (rule.name === "allow") notes.add({ ...asNote(rule), why: "its address has no equivalent" }, comments);
      continue;
    }
    if (rule.name === "deny" && isAll) break;
    if (rule.name === "deny") denied.push(address);
    else
      open.push({
        ...(isAll ? {} : { clients: [address] }),
        ...(denied.length === 0 ? {} : { not: [{ clients: [...denied] }] }),
      });
    if (isAll) break;
  }
  // Neighbours with the same exceptions are one condition.
  const joined: Conditions[] = [];
  for (const each of open) {
    const last = joined.at(-1);
    if (last?.clients !== undefined && each.clients !== undefined && JSON.stringify(last.not) === JSON.stringify(each.not))
      joined[joined.length - 1] = { ...last, clients: [...last.clients, ...each.clients] };
    else joined.push(each);
  }
  return joined;
}

function asNote({ name, place }: Directive): { readonly what: string; readonly place: Directive["place"] } {
  return { what: name, place };
}

/** The first rule that fits counts for nginx; for Millrace `deny` is stronger than `allow`. */
function addressRules(scope: Scope, notes: Notes, comments: string[]): Access {
  const rules = scope.allOf(["allow", "deny"]);
  const allow: string[] = [];
  let deny: string[] = [];
  let last: Directive | undefined;
  for (const rule of rules) {
    const [address = ""] = rule.args;
    if (address === "all") {
      last = rule;
      break;
    }
    if (address === "unix:" || parseCidr(address) === null) {
      notes.add({ ...asNote(rule), why: "its address has no equivalent" }, comments);
      if (rule.name === "allow") continue;
      return "closed";
    }
    if (rule.name === "allow") {
      allow.push(address);
      continue;
    }
    if (allow.length > 0 && !isClosedAfter(rules, rule))
      notes.add({ ...asNote(rule), why: "`deny` is stronger than `allow` in Millrace, also than those before it" }, comments);
    if (allow.length === 0 || !isClosedAfter(rules, rule)) deny = [...deny, address];
  }
  if (last?.name === "deny") {
    if (allow.length === 0) return "closed";
    return { keys: { access: { allow, ...(deny.length === 0 ? {} : { deny }) } }, open: [] };
  }
  return { keys: deny.length === 0 ? {} : { access: { deny } }, open: [] };
}

/** Whether everybody is refused in the end, so that a rule which refuses some after others were admitted says nothing new. */
function isClosedAfter(rules: readonly Directive[], rule: Directive): boolean {
  const end = rules.find(({ args }) => args[0] === "all");
  const later = rules.slice(rules.indexOf(rule) + 1);
  return end?.name === "deny" && !later.some(({ name, args }) => name === "allow" && args[0] !== "all");
}
