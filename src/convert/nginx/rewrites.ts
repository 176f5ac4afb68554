/** The directives of nginx's module for rewriting, which act one after the other: `if`, `return`, `rewrite`, `break`. */
import type { Conditions } from "../model/conditions.ts";
import { isAnything } from "../model/conditions.ts";
import type { Keys } from "../model/draft.ts";
import type { Notes } from "../model/notes.ts";
import type { Sources } from "../model/sources.ts";
import { redirection, returned } from "./answers.ts";
import type { Answer, Answered } from "./answers.ts";
import { ifConditions } from "./if-conditions.ts";
import type { Directive } from "./parse.ts";
import { patternChange } from "./path-change.ts";
import { patternConditions } from "./patterns.ts";
import type { Scope } from "./scope.ts";
import { variablesIn } from "./variables.ts";
import type { VariableContext } from "./variables.ts";

/** What happens to requests for which the conditions hold. */
export interface Step {
  readonly conditions: Conditions;
  readonly directive: Directive;
  /** Where fields and limits are looked up. */
  readonly scope: Scope;
  readonly outcome:
    | { readonly kind: "answer"; readonly answer: Answer }
    /** They are sent on with another path; as far as it is known it is `leadsTo`, and `isSearched` says whether its location is looked for anew. */
    | { readonly kind: "change"; readonly path: Keys; readonly leadsTo: string; readonly isSearched: boolean }
    /** The block of an `if` sends them on by itself. */
    | { readonly kind: "pass" };
}

export interface RewriteSurroundings {
  readonly context: VariableContext;
  readonly sources: Sources;
  readonly notes: Notes;
  readonly comments: string[];
  /** How requests come; null: by http and by https. */
  readonly scheme: "http" | "https" | null;
}

/** The steps of a block, and what becomes of requests that no step takes; null: its content. */
export interface Rewrites {
  readonly steps: readonly Step[];
  readonly end: Step | null;
}

export function rewritesOf(scope: Scope, surroundings: RewriteSurroundings): Rewrites {
  const steps: Step[] = [];
  for (const directive of scope.own) {
    if (directive.name === "break") break;
    if (directive.name === "if") steps.push(...stepsOfIf(directive, scope, surroundings));
    if (directive.name === "return") {
      const end = stepOf(directive, scope, {}, returned(directive.args, surroundings.context), surroundings);
      return { steps, end: end ?? closed(directive, scope) };
    }
    if (directive.name !== "rewrite") continue;
    const step = stepOfRewrite(directive, scope, surroundings);
    if (step === null) continue;
    if (isAlways(step.conditions) && step.outcome.kind === "answer") return { steps, end: step };
    steps.push(step);
  }
  return { steps, end: null };
}

function isAlways({ regex, ...others }: Conditions): boolean {
  return Object.keys(others).length === 0 && (regex === undefined || isAnything(regex));
}

/** In the place of an answer that has no equivalent: nothing else may take its requests. */
function closed(directive: Directive, scope: Scope): Step {
  return { conditions: {}, directive, scope, outcome: { kind: "answer", answer: { kind: "respond", status: 501 } } };
}

function stepsOfIf(directive: Directive, outer: Scope, surroundings: RewriteSurroundings): readonly Step[] {
  const { notes, sources, comments } = surroundings;
  const { args, block, place } = directive;
  const note = (why: string): void => notes.add({ place, what: "if", why }, comments);
  const given = ifConditions(args, sources);
  const scope = outer.inner(block ?? []);
  if (given === "never") return [];
  const { scheme } = surroundings;
  if ((given === "plain" && scheme === "https") || (given === "secure" && scheme === "http")) return [];
  // Of a server that serves both ways a route cannot tell how a request came.
  const conditions = given !== "plain" && given !== "secure" ? given : scheme === null ? null : {};
  if (conditions === null) {
    note(
      isLostGuard(directive, sources, scheme)
        ? "its condition has no equivalent, and it keeps clients away, so nobody is let in here: take out `access` when that is done otherwise"
        : "its condition has no equivalent, so what it says is left out",
    );
    return [];
  }
  const regex = conditions.regex ?? surroundings.context.regex;
  const inner = rewritesOf(scope, { ...surroundings, context: { ...surroundings.context, regex } });
  const ends = [...inner.steps, ...(inner.end === null ? [] : [inner.end])];
  if (ends.length === 1 && ends[0] !== undefined && isAlways(ends[0].conditions)) return [{ ...ends[0], conditions }];
  if (ends.length > 0 && conditions.regex === undefined)
    return ends.map((step) => ({ ...step, conditions: { ...step.conditions, ...conditions } }));
  if (ends.length === 0 && scope.ownLast("proxy_pass") !== undefined) return [{ conditions, directive, scope, outcome: { kind: "pass" } }];
  if (scope.own.some(({ name }) => name !== "set" && name !== "break")) note("what it says has no equivalent");
  else if (scope.own.some(({ name }) => name === "set")) note("values by condition (`set`) have no equivalent");
  return [];
}

/** Whether an `if` without equivalent refused clients, so that nobody is to come in. */
export function hasLostGuard(block: readonly Directive[], sources: Sources, scheme: RewriteSurroundings["scheme"]): boolean {
  return block.some((directive) => directive.name === "if" && isLostGuard(directive, sources, scheme));
}

/** Whether an `if` whose condition has no equivalent refuses clients, and not only programs by their names or odd paths. */
function isLostGuard({ args, block }: Directive, sources: Sources, scheme: RewriteSurroundings["scheme"]): boolean {
  const isFilter =
    /\$\{?(?:http_user_agent|http_referer|invalid_referer|request_uri|uri|document_uri|args|query_string|request_filename|host|http_host|request_method|arg_\w+)\b/;
  const refuses = (block ?? []).some(({ name, args: [status = ""] }) => name === "return" && /^(?:401|403|404|444)$/.test(status));
  if (!refuses || isFilter.test(args.join(" ")) || args.some((each) => /^\(?!?-[fdex]$/.test(each))) return false;
  const conditions = ifConditions(args, sources);
  return conditions === null || (scheme === null && (conditions === "plain" || conditions === "secure"));
}

function stepOf(
  directive: Directive,
  scope: Scope,
  conditions: Conditions,
  answer: Answered,
  surroundings: RewriteSurroundings,
): Step | null {
  const { notes, comments } = surroundings;
  const { name: what, place } = directive;
  if (answer.problem !== undefined) {
    notes.add({ place, what, why: answer.problem }, comments);
    return null;
  }
  if (answer.kind === "respond" && answer.remark !== undefined) notes.add({ place, what, why: answer.remark }, comments);
  return { conditions, directive, scope, outcome: { kind: "answer", answer } };
}

function stepOfRewrite(directive: Directive, scope: Scope, surroundings: RewriteSurroundings): Step | null {
  const { context, sources, notes, comments } = surroundings;
  const { args, name: what, place } = directive;
  const [pattern = "", replacement = "", flag = ""] = args;
  const note = (why: string): null => {
    notes.add({ place, what, why }, comments);
    return null;
  };
  const found = patternConditions(pattern, false, sources);
  if (found.problem !== undefined) return note(found.problem);
  const { conditions } = found;
  const { regex = "" } = conditions;
  if (flag === "permanent" || flag === "redirect" || /^(?:https?:\/\/|\$scheme)/.test(replacement)) {
    const isWhole = isAnything(regex) && conditions.not === undefined;
    const target = redirectTarget(regex, replacement, isWhole);
    const answer = redirection(target, flag === "permanent" ? 301 : 302, { ...context, regex });
    return stepOf(directive, scope, isWhole && !/\$[1-9]/.test(target) ? {} : conditions, answer, surroundings);
  }
  const taken = isAnything(regex) && conditions.not === undefined ? {} : conditions;
  // Without the change the requests would be others than those that the location is for.
  const refuse = (why: string): Step => {
    note(`${why}, so this answers 501`);
    return { conditions: taken, directive, scope, outcome: { kind: "answer", answer: { kind: "respond", status: 501 } } };
  };
  const bare = replacement.replace(/\?$/, "");
  if (bare.includes("?")) return refuse("a query in the replacement has no equivalent");
  const path = patternChange(regex, bare);
  if (path === null || conditions.not !== undefined) return refuse("its replacement has no equivalent");
  if (replacement.endsWith("?")) note("the query is kept, which nginx would drop here");
  const [first = ""] = variablesIn(bare);
  const leadsTo = typeof first === "string" ? first : "/";
  return {
    conditions: taken,
    directive,
    scope,
    outcome: { kind: "change", path: path === "none" ? {} : path, leadsTo, isSearched: flag !== "break" },
  };
}

/** The target with the query that nginx puts after it. @param isWhole whether the expression takes every path */
function redirectTarget(regex: string, replacement: string, isWhole: boolean): string {
  if (replacement.endsWith("?")) return replacement.slice(0, -1);
  // The whole path in its place is the path as it came.
  const rest = /^\^\/\(\.\*\)\$?$/.test(regex) ? "/$1" : /^\^?\(\.\*\)\$?$/.test(regex) ? "$1" : null;
  if (
    isWhole &&
    rest !== null &&
    replacement.endsWith(rest) &&
    /^[^$]*$|^(?:https?:\/\/|\$scheme:\/\/)[^/]*$/.test(replacement.slice(0, -rest.length))
  )
    return `${replacement.slice(0, -rest.length)}$request_uri`;
  if (/\$(?:request_uri|args|query_string)\b/.test(replacement)) return replacement;
  return `${replacement}${replacement.includes("?") ? "&" : "?"}$args`;
}
