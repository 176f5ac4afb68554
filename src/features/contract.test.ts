/** Tests that hold for every feature. A new feature gets them by its line in registry.ts. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { parse } from "yaml";
import { z } from "zod";
import { valueTable } from "../base/address-values.ts";
import { rangeTable } from "../base/cidr-ranges.ts";
import { alternatives, asNode, placesOf } from "../config/schema/json-schema.ts";
import type { SchemaNode } from "../config/schema/json-schema.ts";
import type { RouteConfig } from "../config/schema/route-schema.ts";
import { buildRequestHead, buildResponseHead } from "../http/build-head.ts";
import { fieldLine } from "../http/field-edits.ts";
import { RequestEdits, ResponseEdits } from "../http/head-edits.ts";
import type { ResponseHead } from "../http/response-head.ts";
import { FAILURES } from "../proxy/exchange/failure.ts";
import type { FailureKind } from "../proxy/exchange/failure.ts";
import type { Feature } from "../proxy/feature/feature.ts";
import { NO_FINE_CLOCK } from "../proxy/feature/fine-clock.ts";
import { NO_FILES } from "../proxy/feature/file-store.ts";
import { isHold } from "../proxy/feature/response-hold.ts";
import { onceEach } from "../proxy/feature/once.ts";
import { NO_RESPONSE_STORES } from "../proxy/feature/response-store.ts";
import { LoneView } from "../proxy/feature/lone-view.ts";
import { NO_HOOKS, hooksOf } from "../proxy/feature/route-hooks.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";
import { routeMiddleware } from "../proxy/route-middleware.ts";
import { PathRegexes } from "../regex/path-regexes.ts";
import { CredentialFiles } from "../shared/credential-files.ts";
import { noLogins } from "../proxy/feature/login-ports.ts";
import { NO_STORES } from "../proxy/feature/shared-store.ts";
import { NO_PASSWORDS } from "../proxy/feature/password-checks.ts";
import { NO_MEMORY } from "../proxy/feature/memory.ts";
import { ApiDescriptions, sharedPieces } from "../shared/api-descriptions.ts";
import { AddressLists } from "../shared/address-lists.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { InFlightTable } from "../shared/in-flight-table.ts";
import type { FeatureDeclaration } from "../values/declaration.ts";
import { DECLARED } from "./declared.ts";
import type { FeatureKey } from "./declared.ts";
import { FEATURES } from "./features.ts";
import { REGISTRY } from "./registry.ts";

const regexes = new PathRegexes();
await regexes.load();

type Lines = readonly (readonly [name: string, value: string])[];

const declarationOf = (key: FeatureKey): FeatureDeclaration => DECLARED[key];

test("every folder is a feature of the registry, under its own name and key, and no two features share a name of anything", () => {
  const folders = readdirSync(new URL(".", import.meta.url), { withFileTypes: true }).filter((each) => each.isDirectory());
  assert.deepEqual(
    FEATURES.map(({ name }) => name),
    REGISTRY,
  );
  assert.deepEqual(
    FEATURES.map(({ key }) => key),
    Object.keys(DECLARED),
  );
  assert.deepEqual(REGISTRY.toSorted(), folders.map(({ name }) => name).toSorted());
  for (const kind of ["outcomes", "counters", "events"] as const) {
    const names = FEATURES.flatMap((feature) => Object.keys(feature.facts[kind]));
    assert.equal(new Set(names).size, names.length, `${kind}: ${names.join(" ")}`);
  }
});

for (const feature of FEATURES) {
  const { key, name, facts } = feature;
  const { schema, description } = declarationOf(key);

  describe(name, () => {
    const readme = readText(name);
    const examples = examplesIn(readme, key);
    const routes = routesOf(key, examples);

    test("its README names every key, every outcome and the phases that it acts in, and has an example", () => {
      assert.ok(examples.length > 0);
      const wanted = [
        ...placesOf(z.toJSONSchema(schema, { io: "input" })).flatMap((place) => place.match(/[a-z_]+/g) ?? []),
        ...Object.keys(facts.outcomes),
        ...Object.keys(facts.events),
        ...routes.flatMap((route) => compiled(feature, route).flatMap(phasesOf)),
      ];
      for (const word of wanted) assert.match(readme, new RegExp(`\\b${word}\\b`), word);
    });

    test("its schema takes the examples and refuses an unknown key", () => {
      assert.match(description, /\.$/);
      for (const example of examples) {
        const isMapping = typeof example === "object" && example !== null && !Array.isArray(example);
        const { error } = schema.safeParse({ ...(isMapping ? example : {}), no_such_key: 1 });
        assert.ok(error !== undefined);
        if (isMapping) assert.match(JSON.stringify(error.issues), /"(?:unrecognized_keys|invalid_key)"/);
      }
    });

    test("its checks find nothing in the examples, and skip values of the wrong kind", () => {
      const { check = () => [] } = declarationOf(key);
      for (const example of examples) assert.deepEqual(check(example, [key]), []);
      fc.assert(fc.property(fc.anything(), (value) => void check(value, [key])));
      for (const example of examples) {
        if (typeof example !== "object" || example === null) continue;
        for (const each of Object.keys(example)) {
          fc.assert(fc.property(fc.anything(), (value) => void check({ ...example, [each]: value }, [key])));
        }
      }
    });

    test("it declares the secrets of its schema, and words of other proxies for keys that it has", () => {
      const { secrets = [], calledElsewhere = {} } = declarationOf(key);
      const node = z.toJSONSchema(schema, { io: "input" });
      assert.deepEqual(secretsIn(node).toSorted(), secrets.toSorted());
      const places = ["", ...placesOf(node)];
      for (const place of Object.keys(calledElsewhere)) assert.ok(places.includes(place), place);
    });

    test("a route with its key gets a middleware of its name, and a route without the key gets none", () => {
      for (const route of routes) {
        const names = compiled(feature, route).map((middleware) => middleware.name);
        // One that wants responses as the client gets them acts after what knows the client.
        const [first, second] = facts.afterOwn === true ? names.toReversed() : names;
        assert.equal(first, name);
        assert.ok(second === undefined || second === feature.forKnown?.name);
      }
      if (feature.forKnown !== undefined) assert.ok(routes.some((route) => compiled(feature, route).length === 2));
      const none = routeMiddleware({ match: {}, upstream: "app" }, 0, FEATURES, thread([]));
      assert.equal(hooksOf(none), NO_HOOKS, "routes without features share one object");
    });

    test("its code and its declaration have the same facts", () => assert.equal(facts, declarationOf(key).facts));

    test("its outcomes, events and counters have the form of the metrics page, and its counters count its own outcomes", () => {
      for (const meaning of Object.values(facts.outcomes)) assert.match(meaning, /^(?:[2-5]\d\d|any status): .+\.$/);
      for (const meaning of Object.values(facts.events)) assert.match(meaning, /^[A-Z].+\.$/);
      for (const { metric, help, outcomes } of Object.values(facts.counters)) {
        assert.match(metric, /^millrace_[a-z_]+_total$/);
        assert.match(help, /^[A-Z].+\.$/);
        for (const outcome of outcomes) assert.ok(outcome in facts.outcomes, outcome);
      }
    });

    test("no hook throws, whatever the request and the response, and its answers and log events are declared", async () => {
      const events: string[] = [];
      for (const route of routes) {
        for (const middleware of compiled(feature, route, events)) {
          for (const lines of [...ODD_LINES, ...linesWith(textsIn(examples))]) {
            const head = responseOf(lines);
            for (const method of METHODS) await exchange(feature, middleware, method, lines, head);
          }
          await fc.assert(
            fc.asyncProperty(fc.constantFrom(...METHODS), anyLines, anyLines, async (method, request, response) => {
              await exchange(feature, middleware, method, request, responseOf(response));
            }),
          );
        }
      }
      for (const event of events) assert.ok(event in facts.events, event);
    });
  });
}

test("no feature keeps anything of an exchange that has finished", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const kept = new Map<string, WeakRef<object>[]>();
  const inUse: Middleware[] = [];
  for (const feature of FEATURES) {
    const ofFeature: WeakRef<object>[] = [];
    kept.set(feature.name, ofFeature);
    for (const route of routesOf(feature.key, examplesIn(readText(feature.name), feature.key))) {
      for (const middleware of compiled(feature, route)) {
        inUse.push(middleware);
        for (const lines of ODD_LINES) ofFeature.push(...(await exchange(feature, middleware, "GET", lines, responseOf(lines))));
        ofFeature.push(...(await exchange(feature, middleware, "OPTIONS", PREFLIGHT, responseOf([]))));
      }
    }
  }
  // A WeakRef keeps its object alive until the end of the turn of the event loop in which it was made or read. A timer and not an immediate,
  // which sometimes never came in Node 26, when other test files shared the process.
  await new Promise((resolve) => setTimeout(resolve, 0));
  // Once for all features: in a process with many tests a collection takes a tenth of a second.
  collect();
  for (const [name, references] of kept) {
    const alive = references.filter((each) => each.deref() !== undefined).length;
    assert.equal(alive, 0, `${name}: ${alive} of ${references.length} views and heads are still held`);
  }
  const names = FEATURES.flatMap(({ name, forKnown }) => (forKnown === undefined ? [name] : [name, forKnown.name]));
  assert.deepEqual([...new Set(inUse.map(({ name }) => name))].sort(), names.sort(), "the middleware itself was in use until now");
});

const PHASES = [
  "onRequest",
  "source",
  "onUpstreamRequest",
  "onUpstreamResponse",
  "judgeResponse",
  "onAnswer",
  "onResponse",
  "onFinish",
] as const;

function phasesOf(middleware: Middleware): string[] {
  return PHASES.filter((phase) => middleware[phase] !== undefined);
}

/** The places in a schema that have the type `secret`, such as `tokens[]`. */
function secretsIn(schema: SchemaNode, place: string = ""): string[] {
  return alternatives(schema).flatMap((node) => [
    ...(node["title"] === "secret" ? [place] : []),
    ...Object.entries(asNode(node["properties"])).flatMap(([key, value]) =>
      secretsIn(asNode(value), place === "" ? key : `${place}.${key}`),
    ),
    ...(node["items"] === undefined ? [] : secretsIn(asNode(node["items"]), `${place}[]`)),
  ]);
}

/** The values of a feature's key in the examples of its README. */
function examplesIn(readme: string, key: FeatureKey): unknown[] {
  return [...readme.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, text = ""]): unknown => {
    const route: unknown = parse(text);
    assert.ok(typeof route === "object" && route !== null && key in route, `an example begins with ${key}:`);
    return Reflect.get(route, key);
  });
}

/** A route for each example, with that value of the key. */
function routesOf(key: FeatureKey, examples: readonly unknown[]): RouteConfig[] {
  const { schema, everywhere } = declarationOf(key);
  return examples.map((example) => ({
    match: {},
    upstream: "app",
    [key]: everywhere === true ? [schema.parse(example)] : schema.parse(example),
  }));
}

function readText(name: string): string {
  return readFileSync(new URL(`./${name}/README.md`, import.meta.url), "utf8");
}

/** The feature's middleware for a route that has no other feature, made as a snapshot makes it. */
function compiled(feature: Feature, route: RouteConfig, events: string[] = []): readonly Middleware[] {
  const middleware = routeMiddleware(route, 0, FEATURES, thread(events));
  assert.ok(
    middleware.length === 1 || (middleware.length === 2 && feature.forKnown !== undefined),
    `${feature.name} alone acts on the route`,
  );
  return middleware;
}

function thread(events: string[]): Parameters<typeof routeMiddleware>[3] {
  const buckets = new BucketTable(BucketTable.create(1, 2, 64));
  return {
    workerIndex: 0,
    buckets,
    inFlight: new InFlightTable(InFlightTable.create(1, 0, 0, 8)),
    after: () => () => {},
    responses: NO_RESPONSE_STORES,
    fine: NO_FINE_CLOCK,
    now: () => 1_000_000,
    compileRegex: (pattern) => regexes.compile(pattern),
    environment: {},
    readFile: () => "text",
    lists: listsOfExamples(),
    descriptions: descriptionsOfExamples(),
    count: () => {},
    memory: NO_MEMORY,
    credentials: credentialsOfExamples(),
    passwords: NO_PASSWORDS,
    logins: noLogins("nobody can be asked from here"),
    stores: NO_STORES,
    files: NO_FILES,
    once: onceEach(),
    report: (_, event) => void events.push(event),
  };
}

/** The files with credentials, and the key servers, that examples name. */
function credentialsOfExamples(): CredentialFiles {
  const files = new CredentialFiles();
  const keys = JSON.stringify({ keys: [] });
  files.take([
    { path: "keys.yaml", version: 1, text: "[]" },
    { path: "users.htpasswd", version: 1, text: "" },
    { path: "groups.txt", version: 1, text: "" },
    { path: "internal.jwk", version: 1, text: null },
    { path: "https://id.example/jwks.json", version: 1, text: keys },
  ]);
  return files;
}

/** The descriptions of APIs that examples name. */
function descriptionsOfExamples(): ApiDescriptions {
  const descriptions = new ApiDescriptions();
  const operation = { parameters: [], body: null, responses: {} };
  const head = { paths: [{ template: "/", operations: { GET: 1 }, bases: { GET: [""] } }] };
  const memory = sharedPieces([JSON.stringify(head), JSON.stringify(operation)]);
  descriptions.take([{ path: "api.yaml", version: 1, memory }]);
  return descriptions;
}

/** The lists that examples name. */
function listsOfExamples(): AddressLists {
  const lists = new AddressLists();
  const makeMemory = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);
  const tables = [{ factor: 0.5, memory: rangeTable([], makeMemory) }];
  const values = [{ factor: 1, memory: valueTable({ nodes: new Uint32Array(), values: [], start4: 0, hasIpv6: true }, makeMemory) }];
  lists.take([
    { kind: "list", path: "blocks.txt", version: 1, tables },
    { kind: "rated", path: "reputation.txt", version: 1, tables },
    { kind: "country", path: "GeoLite2-Country.mmdb", version: 1, tables: values },
    { kind: "asn", path: "GeoLite2-ASN.mmdb", version: 1, tables: values },
  ]);
  return lists;
}

/** Takes one exchange through all hooks, in the order of an exchange's life. Gives weak references to its view and its heads. */
async function exchange(
  feature: Feature,
  middleware: Middleware,
  method: string,
  requestLines: Lines,
  head: ResponseHead,
): Promise<WeakRef<object>[]> {
  const request = buildRequestHead({ method, target: "/", authority: "a.test" }, requestLines);
  const view = new LoneView(request, "192.0.2.1");
  // Hardly any hook gives a promise, and to await what is none would take most of the time of these tests.
  const admitted = middleware.onRequest?.(view) ?? null;
  const answer = admitted instanceof Promise ? await admitted : admitted;
  if (answer === null) {
    const source = middleware.source?.(view);
    if (source instanceof Promise) await source;
    middleware.onUpstreamRequest?.(view, new RequestEdits());
    for (const kind of Object.keys(FAILURES) as FailureKind[]) {
      const failure = { kind, reused: false, answered: false, sent: true };
      middleware.onUpstreamResponse?.(view, { head: null, failure });
    }
    middleware.onUpstreamResponse?.(view, { head, failure: null });
    const judged = middleware.judgeResponse?.(view, head) ?? null;
    if (judged !== null && !isHold(judged)) checkAnswer(judged, feature);
    middleware.onResponse?.(view, editsOf(head));
  } else checkAnswer(answer, feature);
  // The proxy may answer the request itself, for instance through another feature.
  middleware.onAnswer?.(view, { status: 429, reason: "other", detail: "No.", fields: [] });
  middleware.onResponse?.(view, editsOf(null));
  middleware.onFinish?.(view);
  return [new WeakRef(view), new WeakRef(request), new WeakRef(head)];
}

function responseOf(lines: Lines): ResponseHead {
  return buildResponseHead({ status: 200 }, lines);
}

function editsOf(head: ResponseHead | null): ResponseEdits {
  const edits = new ResponseEdits();
  edits.begin(head, head?.status ?? 429);
  return edits;
}

function checkAnswer({ status, reason, fields }: LocalAnswer, { facts }: Feature): void {
  const meaning: string | undefined = facts.outcomes[reason];
  assert.ok(meaning !== undefined, `${reason} is no outcome of the feature`);
  assert.ok(facts.guard || status < 400, `${reason} refuses a request, and the feature is said to be no guard`);
  assert.ok(
    meaning.startsWith(`${status}: `) || meaning.startsWith("any status: "),
    `${reason} is said to be ${meaning}, and is ${status}`,
  );
  for (const [field, value] of fields) fieldLine(field, value);
}

/** Each configured text in each field, alone and as a Bearer token. */
function linesWith(texts: readonly string[]): Lines[] {
  return FIELDS.flatMap((name) => texts.flatMap((text): Lines[] => [[[name, text]], [[name, `Bearer ${text}`]]]));
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

const METHODS = ["GET", "HEAD", "POST", "OPTIONS", "get", "M-SEARCH"];
/** Fields that a feature may read, and one that none reads. */
const FIELDS = [
  "Origin",
  "Access-Control-Request-Method",
  "Access-Control-Request-Headers",
  "Access-Control-Allow-Origin",
  "Vary",
  "Authorization",
  "X-API-Key",
  "X-Tenant",
  "Cookie",
  "Accept-Encoding",
  "Content-Type",
  "ETag",
  "X-Odd",
];
const VALUES = ["", "*", "null", ",", '"', "Bearer", "Bearer token", "https://app.example.com", "\xff\x80", "\t", "x".repeat(30_000)];
const PREFLIGHT: Lines = [
  ["Origin", "https://app.example.com"],
  ["Access-Control-Request-Method", "PUT"],
];
/** Sets of field lines: none; each field with each value, once and twice; a preflight. */
const ODD_LINES: readonly Lines[] = [
  [],
  ...FIELDS.flatMap((name) => VALUES.map((value): Lines => [[name, value]])),
  ...FIELDS.flatMap((name) =>
    VALUES.map((value): Lines => [
      [name, value],
      [name.toLowerCase(), value],
    ]),
  ),
  PREFLIGHT,
];

/** Octets that a field's value may hold (RFC 9110 section 5.5), as latin1 text. */
const anyValue = fc.oneof(
  fc.constantFrom(...VALUES),
  fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((octet) => octet !== 0x7f)
      .map((octet) => String.fromCharCode(octet)),
  }),
);
const anyLines = fc.array(fc.tuple(fc.constantFrom(...FIELDS), anyValue), { maxLength: 12 });
