/**
 * Finds out what the proxy would do with requests, without sending anything. It runs the data plane's own code: its parser, its compiled
 * configuration with routes and hooks, and its writers of heads. explanation.ts puts the result in words.
 */
import { NO_FINE_CLOCK } from "../proxy/feature/fine-clock.ts";
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseIpAddress } from "../base/cidr.ts";
import { needsRegexes } from "../config/needs-regexes.ts";
import { endpointAddress } from "../config/addresses/endpoint-address.ts";
import type { Environment } from "../config/replacements.ts";
import type { Config } from "../config/schema/schema.ts";
import { FEATURES } from "../features/features.ts";
import { answerFor } from "../features/files/file-answers.ts";
import { servedFolder } from "../features/files/files.ts";
import { DiskFiles } from "../files/disk-files.ts";
import type { BodyLength } from "../http/body-length.ts";
import { buildResponseHead } from "../http/build-head.ts";
import { connectionOptions } from "../http/connection-options.ts";
import { RequestEdits, ResponseEdits } from "../http/head-edits.ts";
import type { RequestHead } from "../http/request-head.ts";
import { admittedProtocols, askedProtocols } from "../http/upgrade.ts";
import type { ListenerConfig } from "../net/accept/listener-context.ts";
import { ListenerAnswers, httpsPort } from "../net/accept/own-answers.ts";
import { certificateLines } from "../net/certificate-lines.ts";
import { hiddenOf } from "../net/client-facts.ts";
import { certificateFacts } from "../net/tls/client-certificate.ts";
import { loneSnapshot } from "../net/lone-snapshot.ts";
import { AddedFields, requestHeadText } from "../net/h1/request-writer.ts";
import type { RouteConfig } from "../config/schema/route-schema.ts";
import type { CompileRegex } from "../policy/route/path-regex.ts";
import { BODY_TOO_LARGE } from "../proxy/exchange/answers.ts";
import { exceedsBodyLimit } from "../proxy/exchange/exchange.ts";
import { finishAnswer } from "../proxy/exchange/finished-answer.ts";
import { admitRequest } from "../proxy/exchange/forwarding.ts";
import type { FetchResult } from "../proxy/feature/fetch.ts";
import type { FileStore } from "../proxy/feature/file-store.ts";
import { onceEach } from "../proxy/feature/once.ts";
import { NO_RESPONSE_STORES } from "../proxy/feature/response-store.ts";
import { NO_STORES } from "../proxy/feature/shared-store.ts";
import { LoneView } from "../proxy/feature/lone-view.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";
import { UNRULED } from "../proxy/ports/tls-facts.ts";
import type { ClientCertificate, TlsFacts } from "../proxy/ports/tls-facts.ts";
import { routeOfSide } from "../proxy/snapshot.ts";
import type { Route, Snapshot } from "../proxy/snapshot.ts";
import { PathRegexes } from "../regex/path-regexes.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { InFlightTable } from "../shared/in-flight-table.ts";
import { explainSplit } from "./explained-split.ts";
import { CheckedPasswords } from "../passwords/checked-passwords.ts";
import { PasswordPool } from "../passwords/password-pool.ts";
import { readCredentialFiles } from "./read-credential-files.ts";
import type { KeySetOf } from "./read-credential-files.ts";
import { NO_MEMORY } from "../proxy/feature/memory.ts";
import { readDescriptions } from "./read-descriptions.ts";
import { readLists } from "./read-lists.ts";
import { toldProvider } from "./told-provider.ts";
import type { ExplainedSplit } from "./explained-split.ts";
import { reachedListener } from "./reached-listener.ts";
import { readRequest } from "./read-request.ts";
import type { ExplainedRequest } from "./read-request.ts";

/** The address of the client when none is given, one of those for documentation (RFC 5737). */
const CLIENT = "192.0.2.1";

/** Where the files and key sets are that a configuration names. */
export interface Disk {
  readonly files: FileStore;
  readonly readFile: (name: string) => string;
  readonly readBytes: (name: string) => Uint8Array;
  /** Absent: no key server gives keys. It does not reject. */
  readonly keySetOf?: KeySetOf | undefined;
}

export const DISK: Disk = {
  files: new DiskFiles({ epochMs: Date.now, counted: () => {}, mayOpen: () => true }),
  readFile: (name) => readFileSync(name, "utf8"),
  readBytes: (name) => readFileSync(name),
};

/** What becomes of a request. */
export interface Course {
  /** Null: the parser refuses it. */
  readonly request: RequestHead | null;
  readonly client: string;
  /** The certificate that the client has shown; null: none. */
  readonly certificate: ClientCertificate | null;
  /** Null: no route of the configuration was looked for, or takes it. */
  readonly route: TakenRoute | null;
  /** The upstreams that features would ask about it. They are taken to let the client in, and to say nothing of it. */
  readonly asked: readonly string[];
  readonly end: Refused | Sent | ServedFile;
}

/** The route of the configuration that takes a request. */
export interface TakenRoute {
  /** Position in the configuration, from 0. */
  readonly position: number;
  /** Its keys; of a route that splits its requests, those for the upstream that gets this one. */
  readonly config: RouteConfig;
  /** Null: the route has one upstream or none. */
  readonly split: ExplainedSplit | null;
}

/** The proxy answers by itself. */
export interface Refused {
  readonly kind: "answer";
  readonly answer: LocalAnswer;
  /** The middleware whose answer it is; "": the proxy's own. */
  readonly by: string;
  /** The fields as they would be sent, one `name: value\r\n` each. */
  readonly lines: string;
  /** The octets of the body, one character each. */
  readonly body: string;
}

/** An endpoint gets the request. */
export interface Sent {
  readonly kind: "upstream";
  readonly upstream: string;
  /** The head as the first endpoint would get it. */
  readonly head: string;
  /** The protocols to which the connection may be switched, of those that the request asks for; "": none. */
  readonly upgrade: string;
}

/** A file is sent. Conditions and ranges of the request are left out. */
export interface ServedFile {
  readonly kind: "file";
  readonly name: string;
}

export class Explainer {
  readonly config: Config;
  readonly compileRegex: CompileRegex;
  private readonly snapshot: Snapshot;
  private readonly files: FileStore;
  /** The memory of rate limits, and as it is when nothing was counted: each request is the first one. */
  private readonly buckets: Uint8Array = new Uint8Array(BucketTable.create(0, 0, 8));
  private readonly pristine: Uint8Array = this.buckets.slice();
  private readonly inFlight: InFlightTable = new InFlightTable(InFlightTable.create(1, 0, 0, 8));
  /** For each route of the configuration its first position among the compiled ones, where each side of a split is one. */
  private readonly firstSides: readonly number[];

  /** @param environment the variables that the configuration may name; what is shown has their values */
  static async of(config: Config, environment: Environment, disk: Disk = DISK): Promise<Explainer> {
    const regexes = new PathRegexes();
    if (needsRegexes(config.routes)) await regexes.load();
    return new Explainer(config, environment, disk, (pattern) => regexes.compile(pattern));
  }

  private constructor(config: Config, environment: Environment, disk: Disk, compileRegex: CompileRegex) {
    this.files = disk.files;
    this.config = config;
    this.compileRegex = compileRegex;
    const { buffer } = this.buckets;
    this.snapshot = loneSnapshot(config, {
      workerIndex: 0,
      buckets: new BucketTable(buffer as SharedArrayBuffer),
      inFlight: this.inFlight,
      after: () => () => {},
      responses: NO_RESPONSE_STORES,
      fine: NO_FINE_CLOCK,
      now: () => 0,
      environment,
      readFile: disk.readFile,
      lists: readLists(config, disk),
      descriptions: readDescriptions(config, disk.readFile, compileRegex),
      count: () => {},
      memory: NO_MEMORY,
      credentials: readCredentialFiles(config, disk.readFile, disk.keySetOf ?? (() => Promise.resolve(null))),
      passwords: new CheckedPasswords(new PasswordPool()),
      logins: toldProvider(),
      stores: NO_STORES,
      files: this.files,
      once: onceEach(),
      compileRegex,
      report: () => {},
      features: FEATURES,
      status: () => "",
      ownMiddleware: () => [],
    });
    let sides = 0;
    this.firstSides = config.routes.map(({ split }) => (sides += split?.length ?? 1) - (split?.length ?? 1));
  }

  /** What becomes of the request of a client that is no trusted proxy. A string says what is wrong with what was given. */
  async courseOf(given: ExplainedRequest): Promise<Course | string> {
    const { client = CLIENT } = given;
    if (parseIpAddress(client) === null) return "the client is no IP address, such as 10.0.0.1 or 2001:db8::1";
    const listener = reachedListener(this.config, given);
    const tls = tlsFacts(listener, given);
    if (typeof tls === "string") return tls;
    const read = readRequest(given, listener);
    if (typeof read === "string") return read;
    if (read.refused !== null)
      return { request: null, client, certificate: null, route: null, asked: [], end: finished(read.refused, read.head) };
    this.buckets.set(this.pristine);
    this.inFlight.clearWorker(0);
    return await this.course(read.head, read.bodyLength, client, tls, listener);
  }

  private async course(
    request: RequestHead,
    bodyLength: BodyLength,
    client: string,
    tls: TlsFacts | null,
    listener: ListenerConfig,
  ): Promise<Course> {
    const { config } = this;
    request.hidden = hiddenOf(false, { addressFrom: config.client_address_from, config: listener });
    if (this.snapshot.reservedFields !== null) request.reserve(this.snapshot.reservedFields);
    const view = new AskingView(request, client, Date.now());
    view.tls = tls;
    view.requestLength = bodyLength;
    const certificate = tls?.certificate ?? null;
    if (tls !== null) view.scheme = "https";
    const early = admitRequest(request, connectionOptions(request), listener.unsafe_field_names);
    if (early !== null) return { request, client, certificate, route: null, asked: [], end: this.answered(early, view, null) };
    const own = ownAnswers(listener, config).answerTo(view);
    if (own !== null) return { request, client, certificate, route: null, asked: [], end: this.answered(own, view, null) };
    const found = this.snapshot.findRoute(request, client, certificate);
    view.routeName = found.name;
    view.groups = found.pathGroups?.of(request, client, certificate) ?? view.groups;
    const taken = this.takenRoute(found, view);
    const side = found.split?.sides[taken?.split?.position ?? 0] ?? found;
    const end = await this.endOf(side, taken, view, bodyLength, listener);
    return { request, client, certificate, route: taken, asked: view.asked, end };
  }

  /** Null: it is one of the proxy's own. */
  private takenRoute(found: Route, view: LoneView): TakenRoute | null {
    if (found.index < 0) return null;
    const position = this.firstSides.indexOf(found.index);
    const route = this.config.routes[position];
    if (route === undefined) throw new Error("a compiled route is not in the configuration");
    if (found.split === null) return { position, config: route, split: null };
    const split = explainSplit(route, found.split, view);
    return { position, config: routeOfSide(route, split.position), split };
  }

  /** What the exchange would do (proxy/exchange/admission.ts), as far as that is known without the user's own middleware. */
  private async endOf(
    route: Route,
    taken: TakenRoute | null,
    view: LoneView,
    bodyLength: BodyLength,
    listener: ListenerConfig,
  ): Promise<Course["end"]> {
    for (const middleware of route.hooks.onRequest) {
      const verdict = (await middleware.onRequest?.(view)) ?? null;
      if (verdict !== null) return this.answered(verdict, view, route, middleware.name);
    }
    if (exceedsBodyLimit(bodyLength, route)) return this.answered(BODY_TOO_LARGE, view, route);
    if (route.local !== null) return this.answered(route.local(), view, route);
    if (taken?.config.files !== undefined) return await this.servedFile(taken.config, taken.config.files, route, view);
    return this.sent(route, taken?.config.upstream ?? "", view, listener);
  }

  /** As the exchange would answer. */
  private answered(given: LocalAnswer, view: LoneView, route: Route | null, by: string = ""): Refused {
    const hooks = route === null || route.index < 0 ? this.snapshot.onAnswer : route.hooks.onAnswer;
    let answer = given;
    for (const each of hooks) answer = each.onAnswer?.(view, answer) ?? answer;
    const edits = new ResponseEdits();
    edits.begin(null, answer.status, answer.fields);
    for (const each of route?.hooks.onResponse ?? []) each.onResponse?.(view, edits);
    return finished(view.givenId === "" ? answer : { ...answer, requestId: view.givenId }, view.request, edits, by);
  }

  private sent({ hooks, upgrade: admitted }: Route, name: string, view: LoneView, listener: ListenerConfig): Sent {
    const { config } = this;
    const upstream = config.upstreams[name];
    const { request } = view;
    const endpoint = {
      authority: endpointAddress(upstream?.endpoints[0]?.url ?? "http://endpoint").authority,
      via: upstream?.via !== false,
      xForwarded: upstream?.x_forwarded !== false,
    };
    view.endpointAuthority = endpoint.authority;
    const edits = new RequestEdits();
    for (const each of hooks.onUpstreamRequest) each.onUpstreamRequest?.(view, edits);
    const connection = connectionOptions(request);
    const certificate = view.tls?.certificate ?? null;
    const upgrade = admittedProtocols(askedProtocols(request, connection), admitted);
    const facts = {
      peer: view.client,
      client: view.client,
      trusted: false,
      secure: view.tls !== null,
      tls: view.tls,
      certificateLines: certificate === null ? "" : certificateLines(certificate),
      ownAnswers: null,
      forwarded: null,
      unsafeFieldNames: listener.unsafe_field_names,
      forwardedPathFields: listener.forwarded_path_fields,
      proxied: null,
    };
    const head = requestHeadText({ request, connection, facts, isBackground: false, upgrade }, edits, new AddedFields(), endpoint);
    return { kind: "upstream", upstream: name, head, upgrade };
  }

  /** What a route with `files` answers, as the files are now. */
  private async servedFile(
    config: RouteConfig,
    files: NonNullable<RouteConfig["files"]>,
    route: Route,
    view: LoneView,
  ): Promise<Refused | ServedFile> {
    const { path, forwardTarget } = view.request;
    const found = await servedFolder(files, this.files, config.rewrite, this.compileRegex).find(path);
    if (typeof found === "string") return this.answered(answerFor(found, path, forwardTarget.slice(path.length)), view, route, "files");
    found.file.close();
    return { kind: "file", name: `${files.root}/${found.name}` };
  }
}

/** Notes what is asked of upstreams, and gives an answer without content. */
class AskingView extends LoneView {
  readonly asked: string[] = [];

  override fetch(upstream: string): Promise<FetchResult> {
    this.asked.push(upstream);
    return Promise.resolve({ head: buildResponseHead({ status: 204 }, []), body: Buffer.alloc(0), failure: null });
  }
}

/** The facts of the client's connection; null: it is a plain one. A string says what is wrong with the certificate. */
function tlsFacts(listener: ListenerConfig, { certificate: text, clientRule }: ExplainedRequest): TlsFacts | null | string {
  if (listener.tls === undefined) return text === undefined ? null : "no listener has TLS, so no client can show a certificate";
  const facts = { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", serverName: null, protocol: "http/1.1", resumed: false } as const;
  if (text === undefined) return { ...facts, certificate: null, rule: UNRULED };
  const { client_certificates: rule, certificates } = listener.tls;
  // A client shows its certificate only where it is asked for one.
  if (clientRule === null && certificates.some((each) => each.client_certificates)) return { ...facts, certificate: null, rule: UNRULED };
  const asking =
    clientRule ?? rule ?? certificates.map((each) => each.client_certificates).find((each) => each !== undefined && each !== false);
  if (asking === undefined) return "the listener asks no client for a certificate (tls.client_certificates)";
  try {
    const leaf = new X509Certificate(text);
    return {
      ...facts,
      certificate: { forward: asking.forward ?? null, der: leaf.raw, chain: [], ...certificateFacts(leaf) },
      rule: UNRULED,
    };
  } catch {
    return "the file of the client's certificate holds none in PEM";
  }
}

/** What the listener answers itself. */
function ownAnswers(listener: ListenerConfig, config: Config): ListenerAnswers {
  const answers = new ListenerAnswers();
  answers.httpsPort = httpsPort(config);
  answers.use(listener);
  return answers;
}

/** The answer as it would be sent. */
function finished(answer: LocalAnswer, request: RequestHead | null, edits: ResponseEdits = new ResponseEdits(), by: string = ""): Refused {
  const { lines, body } = finishAnswer(answer, request, edits, Date.now());
  return { kind: "answer", answer, by, lines, body };
}
