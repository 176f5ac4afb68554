/** `allow`, `deny` and what else asks who a client is. */
import { parseCidr } from "../../base/cidr.ts";
import type { Keys } from "../model/draft.ts";
import type { Notes } from "../model/notes.ts";
import { NOBODY } from "../model/tls.ts";
import type { Directive } from "./parse.ts";
import type { Scope } from "./scope.ts";

/** "closed": nobody is admitted. */
export type Access = { readonly keys: Keys | undefined } | "closed";

export function accessOf(scope: Scope, notes: Notes, comments: string[]): Access {
  const byAddress = addressRules(scope, notes, comments);
  const guard = guardOf(scope);
  if (guard === undefined || byAddress === "closed") return byAddress;
  if (scope.value("satisfy") === "any" && byAddress.keys?.["allow"] !== undefined) {
    notes.add({ ...asNote(guard), why: "has no equivalent yet; only the addresses that are allowed without it come in" }, comments);
    return byAddress;
  }
  notes.add(
    {
      ...asNote(guard),
      why:
        guard.name === "ssl_verify_client"
          ? "it cannot be kept, so nobody is let in here: write `client_certificates` in `tls` of the listener, and take out `access` (docs/client-certificates.md)"
          : "has no equivalent yet, so nobody is let in here: write `authentication`, and take out `access`",
    },
    comments,
  );
  return { keys: NOBODY };
}

/** The directive by which clients must prove who they are. */
function guardOf(scope: Scope): Directive | undefined {
  return ["auth_basic", "auth_request", "auth_jwt", "ssl_verify_client"]
    .map((name) => scope.last(name))
    .find((directive) => directive !== undefined && !["off", "optional", "optional_no_ca"].includes(directive.args[0] ?? ""));
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
    return { keys: { allow, ...(deny.length === 0 ? {} : { deny }) } };
  }
  return { keys: deny.length === 0 ? undefined : { deny } };
}

/** Whether everybody is refused in the end, so that a rule which refuses some after others were admitted says nothing new. */
function isClosedAfter(rules: readonly Directive[], rule: Directive): boolean {
  const end = rules.find(({ args }) => args[0] === "all");
  const later = rules.slice(rules.indexOf(rule) + 1);
  return end?.name === "deny" && !later.some(({ name, args }) => name === "allow" && args[0] !== "all");
}
