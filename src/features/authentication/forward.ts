/**
 * Asks a service whether a client may come in (`forward`), as nginx does with `auth_request`, Traefik with ForwardAuth and Caddy with `forward_auth`. An
 * answer with 2xx lets the client in, and named fields of it go to the upstream; any other answer is the client's. Without an answer nobody is let in.
 */
import { hash, randomBytes } from "node:crypto";
import { Buffer } from "node:buffer";
import { keepNewest } from "../../base/keep-newest.ts";
import { clientKey } from "../../base/client-key.ts";
import { Places } from "../../base/places.ts";
import { ReplacedNames } from "../../http/replaced-names.ts";
import type { RequestChanges, ResponseChanges } from "../../http/head-edits.ts";
import { isAlsoOfClients } from "../../policy/authentication/copied-fields.ts";
import { ServiceCircuit } from "../../policy/authentication/service-circuit.ts";
import type { FeatureContext } from "../../proxy/feature/feature.ts";
import type { FetchResult } from "../../proxy/feature/fetch.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
import { admitted, passedOn } from "./forward-answer.ts";
import type { Admitted } from "./forward-answer.ts";
import { linesOf, questions } from "./forward-request.ts";
import type { Question } from "./forward-request.ts";
import type { ForwardConfig } from "./forward-schema.ts";
import type { Method, Verdict } from "./method.ts";

/** Largest answer. Login pages with everything in them have some hundred KiB. */
const BODY_BYTES_MAX = 512 * 1024;
/** Questions under way in a thread. More than these wait for a service that is too slow for them anyway. */
const UNDER_WAY_MAX = 256;
/** Of these, questions about one client: its slow ones must leave room for the others. */
const UNDER_WAY_OF_CLIENT_MAX = 64;
/** Answers that are kept in a thread for a route; the oldest goes. */
const KEPT_MAX = 10_000;
/** An answer with longer lines is not kept. */
const KEPT_CHARACTERS_MAX = 8 * 1024;
/** The log says at most once in this time that the service fails. */
const REPORTED_EVERY_MS = 10_000;

/** Results that tell nothing of the service: the client has left, or an answer is too large, which a client may have brought about. */
const NO_FAILURES = new Set(["fetch_aborted", "fetch_too_large"]);

interface Kept {
  readonly admitted: Admitted;
  readonly untilMs: number;
}

type Context = Pick<FeatureContext, "now" | "report" | "template"> & {
  readonly route: Pick<FeatureContext["route"], "label" | "isBeside">;
};

/** @param ownToken the field in which clients whom `jwt` lets in bring their token to the upstream, in lower case; null: none */
export function askedService(config: ForwardConfig, ownToken: string | null, context: Context): Method {
  return new AskedService(config, ownToken, context);
}

class AskedService implements Method {
  readonly challenge: null = null;
  private readonly config: ForwardConfig;
  private readonly context: Context;
  private readonly questionOf: (exchange: ExchangeView) => Question;
  private readonly circuit: ServiceCircuit = new ServiceCircuit();
  private readonly copied: ReplacedNames;
  /** Fields of clients whom another method lets in: those of `copy` that are not taken out of every request, for clients of `jwt` and for all others. */
  private readonly taken: { readonly ofJwt: ReplacedNames; readonly ofOthers: ReplacedNames } | null;
  /** What goes on with the requests of an identity. */
  private readonly known: WeakMap<Identity, Admitted> = new WeakMap();
  /** By keyed hashes of what was sent. */
  private readonly kept: Map<string, Kept> = new Map();
  private readonly salt: Buffer = randomBytes(32);
  /** The fields of the cache's key, in lower case; null: all. */
  private readonly keyNames: ReadonlySet<string> | null;
  private underWay: number = 0;
  private readonly ofClients: Places = new Places(UNDER_WAY_OF_CLIENT_MAX);
  private reportedAtMs: number = -Infinity;

  constructor(config: ForwardConfig, ownToken: string | null, context: Context) {
    this.config = config;
    this.context = context;
    this.questionOf = questions(config, context.template, context.route.isBeside);
    const names = config.copy.map(({ name }) => name.toLowerCase());
    this.copied = new ReplacedNames(names, names);
    const also = names.filter(isAlsoOfClients);
    const ofJwt = also.filter((name) => name !== ownToken);
    this.taken = also.length === 0 ? null : { ofJwt: new ReplacedNames(ofJwt, ofJwt), ofOthers: new ReplacedNames(also, also) };
    const key = config.cache?.key;
    this.keyNames = key === undefined ? null : new Set(key.map((name) => name.toLowerCase()));
  }

  judge(exchange: ExchangeView): Verdict | Promise<Verdict> {
    const { cache } = this.config;
    const question = this.questionOf(exchange);
    const key = cache === undefined ? "" : this.keyOf(question);
    const nowMs = this.context.now();
    const before = this.kept.get(key);
    if (before !== undefined) {
      if (nowMs < before.untilMs) return before.admitted.identity;
      this.kept.delete(key);
    }
    if (this.underWay >= UNDER_WAY_MAX) return this.unavailable("too many questions are under way");
    const client = clientKey(exchange.client);
    if (!this.ofClients.take(client)) return this.unavailable("too many questions about this client are under way");
    // Last, because whom the circuit admits may be the one on whose answer the others wait.
    if (!this.circuit.admits(nowMs)) {
      this.ofClients.leave(client);
      return this.unavailable("it has not answered several times in a row");
    }
    return this.ask(exchange, question, key).finally(() => this.ofClients.leave(client));
  }

  editRequest({ identity }: ExchangeView, edits: RequestChanges): void {
    const { copied, taken } = this;
    if (identity === null) return;
    const found = this.known.get(identity);
    if (found !== undefined) edits.replaceByFresh(copied, found.lines);
    // What the upstream takes for the service's word comes from the service or from nobody.
    else if (taken !== null) edits.replaceLines(identity.method === "jwt" ? taken.ofJwt : taken.ofOthers, "");
  }

  editResponse({ identity }: ExchangeView, edits: ResponseChanges): void {
    const found = identity === null ? undefined : this.known.get(identity);
    for (const [name, value] of found?.response ?? []) {
      if (name.toLowerCase() === "set-cookie") edits.append(name, value);
      else edits.set(name, value);
    }
  }

  private async ask(exchange: ExchangeView, question: Question, key: string): Promise<Verdict> {
    const { config, circuit } = this;
    this.underWay++;
    let result: FetchResult;
    try {
      result = await exchange.fetch(
        config.upstream,
        { path: config.target, headers: question.fields },
        { timeoutMs: config.timeout, bodyBytesMax: BODY_BYTES_MAX, ofClient: linesOf(question.asked) },
      );
    } catch (error) {
      circuit.abandoned();
      throw error;
    } finally {
      this.underWay--;
    }
    const { head, failure } = result;
    if (head === null) {
      if (NO_FAILURES.has(failure)) circuit.abandoned();
      else circuit.failed(this.context.now());
      return this.unavailable(failure);
    }
    circuit.answered();
    if (head.status >= 500) return this.unavailable(`it has answered ${head.status}`);
    if (head.status < 200 || head.status >= 300) return passedOn(head, result.body);
    let found: Admitted;
    try {
      found = admitted(head, config);
    } catch {
      return this.unavailable("its answer names no user, or two, or holds what is no field");
    }
    this.known.set(found.identity, found);
    this.keep(key, found);
    return found.identity;
  }

  private keep(key: string, found: Admitted): void {
    const { kept, config } = this;
    // A cookie that one client gets must not come to another one that was let in by the same answer.
    if (config.cache === undefined || found.response.length > 0 || found.lines.length > KEPT_CHARACTERS_MAX) return;
    keepNewest(kept, key, { admitted: found, untilMs: this.context.now() + config.cache.for }, KEPT_MAX);
  }

  private keyOf({ fields, asked }: Question): string {
    const { keyNames } = this;
    const all = [...fields, ...asked];
    const lines = keyNames === null ? all : all.filter(([name]) => keyNames.has(name.toLowerCase()));
    return hash("sha256", Buffer.concat([this.salt, Buffer.from(linesOf(lines), "latin1")]), "base64");
  }

  private unavailable(why: string): LocalAnswer {
    const { config, context } = this;
    const nowMs = context.now();
    if (why !== "fetch_aborted" && nowMs - this.reportedAtMs >= REPORTED_EVERY_MS) {
      this.reportedAtMs = nowMs;
      const message = "the service that decides who may come in did not say so: clients get 503";
      context.report("warn", "authentication_service_failed", message, {
        route: context.route.label,
        upstream: config.upstream,
        reason: why,
      });
    }
    return { ...UNAVAILABLE, why: `${config.upstream} decides who may come in: ${why}` };
  }
}

const UNAVAILABLE: LocalAnswer = {
  status: 503,
  reason: "authentication_unavailable",
  detail: "Who may come in cannot be found out at the moment.",
  fields: [["Retry-After", "5"]],
};
