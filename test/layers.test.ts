/**
 * The layer rule (ARCHITECTURE.md, "Folders") as a matrix, read from the imports themselves. The linter and tsconfig.pure.json enforce
 * the same rule with positions in the editor; tests below break the rule on purpose, because a tool that has lost its way reports
 * nothing at all.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { importCircles } from "./support/import-circles.ts";
import { ROOT, importsOf, readText, sourceFiles, withoutComments } from "./support/source-files.ts";

interface Layer {
  /** Other folders of src/ that it may import. */
  readonly folders: readonly string[];
  /** Packages and Node modules that it may import; "node:*" for all but Node's own HTTP. */
  readonly modules: readonly string[];
}

const BELOW_PROXY = ["base", "http", "proxy-protocol", "policy", "values", "declared", "config", "shared"];
const CODECS = ["http1", "http2"];
const BESIDE_PROXY = ["features", "passwords", "stores", "response-stores"];
const LAYERS: Readonly<Record<string, Layer>> = {
  base: { folders: [], modules: [] },
  http: { folders: ["base"], modules: [] },
  http1: { folders: ["base", "http"], modules: ["node:buffer"] },
  http2: { folders: ["base", "http"], modules: ["node:buffer"] },
  "proxy-protocol": { folders: ["base"], modules: [] },
  policy: { folders: ["base", "http"], modules: [] },
  values: { folders: ["base", "http", "policy"], modules: ["zod"] },
  declared: { folders: ["base", "http", "policy", "values"], modules: ["yaml", "zod"] },
  config: { folders: ["base", "http", "policy", "values", "declared"], modules: ["yaml", "zod"] },
  shared: { folders: ["base", "values", "declared", "config"], modules: [] },
  proxy: { folders: BELOW_PROXY, modules: ["node:buffer"] },
  features: { folders: [...BELOW_PROXY, "proxy", "oidc"], modules: ["node:buffer", "node:crypto", "node:zlib", "jose"] },
  tls: { folders: ["base", "shared"], modules: [] },
  observe: { folders: ["base", "http", "values", "declared", "config", "shared"], modules: ["node:*"] },
  net: { folders: [...BELOW_PROXY, ...CODECS, "tls", "certificates", "proxy", "observe"], modules: ["node:*"] },
  certificates: { folders: ["base", "shared"], modules: ["node:*"] },
  files: { folders: ["base", "proxy"], modules: ["node:*"] },
  passwords: { folders: ["base", "policy"], modules: ["node:*", "hash-wasm"] },
  stores: { folders: ["base", "policy", "values", "config", "shared", "proxy"], modules: ["node:*", "@redis/client"] },
  "response-stores": { folders: ["base", "config", "shared", "proxy"], modules: ["node:buffer"] },
  regex: { folders: ["base", "policy", "values", "config"], modules: ["re2js"] },
  convert: { folders: ["base", "policy", "values"], modules: ["yaml"] },
  modules: { folders: ["base"], modules: ["node:*"] },
  x509: { folders: [], modules: ["node:*", "@peculiar/x509"] },
  authority: { folders: ["base", "certificates", "x509"], modules: ["node:*", "@peculiar/x509"] },
  acme: { folders: ["base", "certificates", "x509"], modules: ["node:*", "@peculiar/x509"] },
  oidc: { folders: ["shared"], modules: ["node:crypto", "jose", "openid-client"] },
  middleware: { folders: [...BELOW_PROXY, "proxy", "modules"], modules: ["node:*"] },
  "data-plane": {
    folders: [...BELOW_PROXY, ...CODECS, "proxy", ...BESIDE_PROXY, "files", "net", "observe", "middleware", "regex"],
    modules: ["node:*"],
  },
  "worker.ts": { folders: ["base", "shared", "net", "data-plane", "middleware"], modules: ["node:*"] },
  explain: {
    folders: [...BELOW_PROXY, ...CODECS, "proxy", "features", "files", "passwords", "net", "observe", "modules", "regex"],
    modules: ["node:*"],
  },
  control: {
    folders: [
      "base",
      "http",
      "http1",
      "proxy-protocol",
      "policy",
      "values",
      "config",
      "shared",
      "observe",
      "authority",
      "acme",
      "certificates",
      "regex",
    ],
    modules: ["node:*", "node:http", "node:https"],
  },
  cli: {
    folders: [
      ...BELOW_PROXY,
      ...CODECS,
      "proxy",
      "features",
      "net",
      "observe",
      "control",
      "explain",
      "middleware",
      "modules",
      "regex",
      "convert",
      "authority",
      "certificates",
      "passwords",
      "stores",
    ],
    modules: ["node:*", "node:http", "acorn"],
  },
  testing: {
    folders: [...BELOW_PROXY, ...CODECS, "proxy", ...BESIDE_PROXY, "net", "observe", "control", "middleware", "regex"],
    modules: ["node:*"],
  },
  embed: {
    folders: [
      ...BELOW_PROXY,
      ...CODECS,
      "proxy",
      "features",
      "net",
      "data-plane",
      "observe",
      "control",
      "explain",
      "middleware",
      "modules",
      "regex",
      "stores",
    ],
    modules: ["node:*", "node:http", "node:http2"],
  },
  "http-proxy-middleware": {
    folders: ["base", "http", "proxy", "config", "middleware", "embed"],
    modules: ["node:*", "node:http", "node:http2"],
  },
  "main.ts": { folders: ["cli", "control"], modules: ["node:*"] },
  "millrace.ts": { folders: ["proxy-protocol", "values", "config", "http", "proxy", "middleware", "embed", "explain"], modules: [] },
};
const PURE = ["base", "http", "http1", "http2", "proxy-protocol", "policy", "values", "declared", "config", "shared", "tls", "convert"];
/** Of features: their facts and schemas, and what reads files with credentials, which the main thread loads without their code. */
const DECLARED = /^src\/features\/(?:declared|[^/]+\/(?:facts|(?:[a-z-]+-)?schema|read-[a-z-]+))\.ts$/;
/** The data plane speaks HTTP through codecs of its own; only those who are named with them get Node's. */
const NODE_HTTP = new Set(["node:http", "node:https", "node:http2"]);
/** Folders whose sub-folders do not know each other. */
const SIBLINGS_APART = ["policy", "features"];

/** Why `file` may not import `module`, or null. Both are as written; `file` is relative to the root. */
function verdict(file: string, module: string): string | null {
  const name = layerOf(file);
  const layer = LAYERS[name];
  if (layer === undefined) return `${name} is no known layer`;
  if (!module.startsWith(".")) {
    const allowed =
      layer.modules.includes(module) || (module.startsWith("node:") && !NODE_HTTP.has(module) && layer.modules.includes("node:*"));
    return allowed ? null : `${name} may not import ${module}`;
  }
  const target = path.posix.join(path.posix.dirname(file), module);
  if (!target.startsWith("src/")) return `leaves src/ for ${target}`;
  const [from, to] = [file.split("/"), target.split("/")];
  const apart = from[1] === to[1] && SIBLINGS_APART.includes(from[1] ?? "") && to.length > 3 && from.length > 3 && from[2] !== to[2];
  if (apart) return `${from[1] ?? ""}/${from[2] ?? ""} may not know ${to[1] ?? ""}/${to[2] ?? ""}`;
  const other = layerOf(target);
  if (other === name) return null;
  return layer.folders.includes(other) ? null : `${name} may not import ${other}`;
}

/** The folder of src/ or, for files beside the folders, the file. */
function layerOf(file: string): string {
  if (DECLARED.test(file)) return "declared";
  return file.split("/")[1] ?? "";
}

test("every import of src/ is one that its layer may have", () => {
  const files = sourceFiles();
  assert.ok(files.length > 100, `only ${files.length} files found`);
  const wrong: string[] = [];
  for (const file of files) {
    for (const module of importsOf(readText(file))) {
      const why = verdict(file, module);
      if (why !== null) wrong.push(`${file}: ${why} (${module})`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("no circle of imports goes through two folders", () => {
  const files = sourceFiles();
  const circles = importCircles(files);
  assert.deepEqual(
    circles.filter((circle) => new Set(circle.map((file) => path.posix.dirname(file))).size > 1),
    [],
  );
  assert.deepEqual(
    circles.filter((circle) => circle.some((file) => file.startsWith("src/observe/"))),
    [],
  );
  // The search has not lost its way: files of one folder may know each other, and some do.
  assert.ok(
    circles.some((circle) => circle.includes("src/proxy/upstream/endpoint.ts") && circle.includes("src/proxy/upstream/connector.ts")),
  );
});

test("the reader of imports sees every form", () => {
  const code = `
import { a } from "./one.ts";
import type { B } from "./two.ts";
import {
  c,
} from "./three.ts";
export { d } from "./four.ts";
export * from "./five.ts";
import "./six.ts";
const late = await import("./seven.ts");
// import { no } from "./comment.ts";
/* import { no } from "./comment.ts"; */
`;
  assert.deepEqual(importsOf(code).toSorted(), ["./five.ts", "./four.ts", "./one.ts", "./seven.ts", "./six.ts", "./three.ts", "./two.ts"]);
});

test("pure folders read no clock, own no timer and draw no lots", () => {
  const impure =
    /\b(Date\.now|new Date\(\s*\)|performance\s*\.|setTimeout|setInterval|setImmediate|queueMicrotask|Math\.random|process\s*\.)/;
  const wrong = PURE.flatMap((folder) => sourceFiles().filter((file) => layerOf(file) === folder)).flatMap((file) =>
    withoutComments(readText(file))
      .split("\n")
      .flatMap((line, index) => (impure.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  );
  assert.deepEqual(wrong, []);
});

test("what a configuration or a middleware imports loads nothing of the proxy", () => {
  const loaded = loadedBy("src/millrace.ts", false);
  assert.ok(loaded.has("src/middleware/define-middleware.ts"), [...loaded].join());
  assert.deepEqual(
    [...loaded].filter((module) => /^src\/(?:net|control|data-plane|embed|observe)\/|^zod$|^yaml$/.test(module)),
    [],
  );
  assert.ok(importsOf(readText("src/millrace.ts")).includes("./embed/running-proxy.ts"));
});

test("a data-plane thread loads neither the parser of configurations nor their schemas", () => {
  const loaded = loadedBy("src/worker.ts", true);
  assert.ok(loaded.has("src/features/features.ts") && loaded.size > 100, `only ${loaded.size} modules found`);
  assert.deepEqual(
    ["zod", "yaml", "src/features/declared.ts", "src/config/schema/schema.ts"].filter((module) => loaded.has(module)),
    [],
  );
});

test("a thread that evaluates a configuration module loads no schemas", () => {
  const loaded = loadedBy("src/cli/config-module.ts", false);
  assert.ok(loaded.has("src/config/document/read-object.ts"), [...loaded].join());
  assert.deepEqual(
    ["zod", "yaml", "src/features/declared.ts"].filter((module) => loaded.has(module)),
    [],
  );
});

/** The modules that a file loads, with those that they load. @param later whether to count what is loaded when it is needed, by `import()` */
function loadedBy(entry: string, later: boolean): Set<string> {
  const loaded = new Set<string>();
  const load = (file: string): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    // What is imported for its types alone is not loaded.
    const text = readText(file).replace(/^(import|export) type\b[^;]*;/gm, "");
    for (const module of importsOf(later ? text : text.replace(/\bimport\([^)]*\)/g, ""))) {
      if (module.startsWith(".")) load(path.posix.join(path.posix.dirname(file), module));
      else loaded.add(module);
    }
  };
  load(entry);
  return loaded;
}

/** One forbidden import per line of the rule; each must be refused by the matrix above and by the linter. */
const BREACHES: readonly (readonly [file: string, module: string])[] = [
  ["src/base/breach.ts", "node:fs"],
  ["src/base/breach.ts", "zod"],
  ["src/base/breach.ts", "../http/field-edits.ts"],
  ["src/http/breach.ts", "node:buffer"],
  ["src/http/breach.ts", "yaml"],
  ["src/http/breach.ts", "../http1/limits.ts"],
  ["src/http/breach.ts", "../net/dial.ts"],
  ["src/http1/breach.ts", "node:net"],
  ["src/http1/breach.ts", "node:http"],
  ["src/http1/breach.ts", "zod"],
  ["src/http1/breach.ts", "../proxy/ports/body-sink.ts"],
  ["src/http1/breach.ts", "../policy/route/match.ts"],
  ["src/http2/breach.ts", "../http1/limits.ts"],
  ["src/proxy-protocol/breach.ts", "node:buffer"],
  ["src/proxy-protocol/breach.ts", "../http/authority.ts"],
  ["src/proxy-protocol/breach.ts", "../net/dial.ts"],
  ["src/http/breach.ts", "../proxy-protocol/header.ts"],
  ["src/policy/route/breach.ts", "../cors/origins.ts"],
  ["src/policy/route/breach.ts", "../../shared/protocol.ts"],
  ["src/policy/route/breach.ts", "node:crypto"],
  ["src/config/breach.ts", "node:fs"],
  ["src/config/breach.ts", "../net/dial.ts"],
  ["src/shared/breach.ts", "node:worker_threads"],
  ["src/tls/breach.ts", "node:tls"],
  ["src/tls/breach.ts", "../net/thread.ts"],
  ["src/tls/breach.ts", "../config/load.ts"],
  ["src/shared/breach.ts", "../observe/names.ts"],
  ["src/proxy/breach.ts", "node:net"],
  ["src/proxy/breach.ts", "../net/dial.ts"],
  ["src/proxy/breach.ts", "../http1/limits.ts"],
  ["src/proxy/breach.ts", "../control/health/probe.ts"],
  ["src/proxy/breach.ts", "../features/features.ts"],
  ["src/proxy/breach.ts", "../features/cors/cors.ts"],
  ["src/values/breach.ts", "node:fs"],
  ["src/values/breach.ts", "../config/schema/schema.ts"],
  ["src/config/breach.ts", "../features/cors/cors.ts"],
  ["src/shared/breach.ts", "../features/features.ts"],
  ["src/features/declared.ts", "../proxy/feature/middleware.ts"],
  ["src/features/declared.ts", "./features.ts"],
  ["src/features/declared.ts", "./cors/cors.ts"],
  ["src/features/cors/schema.ts", "node:crypto"],
  ["src/features/cors/schema.ts", "./cors.ts"],
  ["src/features/cors/schema.ts", "../rate-limit/schema.ts"],
  ["src/features/cors/schema.ts", "../../config/schema/schema.ts"],
  ["src/features/features.ts", "../net/listener.ts"],
  ["src/features/cors/breach.ts", "../rate-limit/rate-limit.ts"],
  ["src/features/cors/breach.ts", "../../control/health/probe.ts"],
  ["src/features/cors/breach.ts", "node:http"],
  ["src/net/breach.ts", "../control/health/probe.ts"],
  ["src/net/breach.ts", "node:http"],
  ["src/net/breach.ts", "node:https"],
  ["src/net/breach.ts", "node:http2"],
  ["src/data-plane/breach.ts", "../control/health/probe.ts"],
  ["src/data-plane/breach.ts", "node:http"],
  ["src/worker.ts", "./control/health/probe.ts"],
  ["src/worker.ts", "node:http"],
  ["src/observe/breach.ts", "../proxy/ports/body-sink.ts"],
  ["src/observe/breach.ts", "../control/health/probe.ts"],
  ["src/control/breach.ts", "../proxy/exchange.ts"],
  ["src/control/breach.ts", "../net/listener.ts"],
  ["src/control/breach.ts", "../data-plane/data-plane-thread.ts"],
  ["src/net/breach.ts", "../data-plane/data-plane-thread.ts"],
  ["src/net/breach.ts", "../embed/embed-host.ts"],
  ["src/explain/breach.ts", "../control/health/probe.ts"],
  ["src/explain/breach.ts", "../cli/serve.ts"],
  ["src/net/breach.ts", "../explain/explanation.ts"],
  ["src/control/breach.ts", "../explain/explanation.ts"],
  ["src/control/breach.ts", "../embed/embed-host.ts"],
  ["src/data-plane/breach.ts", "../embed/embed-host.ts"],
  ["src/middleware/breach.ts", "../net/thread.ts"],
  ["src/middleware/breach.ts", "../control/health/probe.ts"],
  ["src/middleware/breach.ts", "node:http"],
  ["src/modules/breach.ts", "../config/load.ts"],
  ["src/certificates/breach.ts", "../control/named-files/config-files.ts"],
  ["src/files/breach.ts", "../net/thread.ts"],
  ["src/features/cors/breach.ts", "../../files/disk-files.ts"],
  ["src/proxy/breach.ts", "../files/disk-files.ts"],
  ["src/net/breach.ts", "../files/disk-files.ts"],
  ["src/control/breach.ts", "../files/disk-files.ts"],
  ["src/stores/breach.ts", "../net/thread.ts"],
  ["src/stores/redis/breach.ts", "../../features/features.ts"],
  ["src/proxy/breach.ts", "../stores/thread-stores.ts"],
  ["src/proxy/feature/breach.ts", "@redis/client"],
  ["src/features/cors/breach.ts", "../../stores/thread-stores.ts"],
  ["src/features/cors/breach.ts", "@redis/client"],
  ["src/net/breach.ts", "../stores/thread-stores.ts"],
  ["src/config/breach.ts", "../stores/redis/client-package.ts"],
  ["src/response-stores/breach.ts", "../net/thread.ts"],
  ["src/response-stores/breach.ts", "../stores/thread-stores.ts"],
  ["src/response-stores/breach.ts", "node:fs"],
  ["src/stores/breach.ts", "../response-stores/memory-store.ts"],
  ["src/proxy/breach.ts", "../response-stores/memory-store.ts"],
  ["src/net/breach.ts", "../response-stores/memory-store.ts"],
  ["src/control/breach.ts", "../response-stores/memory-store.ts"],
  ["src/shared/breach.ts", "../response-stores/memory-store.ts"],
  ["src/features/cors/breach.ts", "../../response-stores/memory-store.ts"],
  ["src/passwords/breach.ts", "../net/thread.ts"],
  ["src/passwords/breach.ts", "../proxy/local-answer.ts"],
  ["src/features/cors/breach.ts", "../../passwords/password-pool.ts"],
  ["src/proxy/breach.ts", "../passwords/password-pool.ts"],
  ["src/net/breach.ts", "../passwords/password-pool.ts"],
  ["src/control/breach.ts", "../passwords/password-pool.ts"],
  ["src/policy/route/breach.ts", "../../passwords/password-pool.ts"],
  ["src/regex/breach.ts", "../net/thread.ts"],
  ["src/regex/breach.ts", "node:fs"],
  ["src/convert/breach.ts", "node:fs"],
  ["src/convert/breach.ts", "../config/load.ts"],
  ["src/convert/nginx/breach.ts", "../../cli/serve.ts"],
  ["src/authority/breach.ts", "../control/health/probe.ts"],
  ["src/net/breach.ts", "../x509/library.ts"],
  ["src/certificates/breach.ts", "../x509/library.ts"],
  ["src/acme/breach.ts", "../authority/keys.ts"],
  ["src/data-plane/breach.ts", "../x509/library.ts"],
  ["src/config/breach.ts", "../x509/library.ts"],
  ["src/acme/breach.ts", "../control/health/probe.ts"],
  ["src/authority/breach.ts", "../acme/order.ts"],
  ["src/net/breach.ts", "../acme/order.ts"],
  ["src/config/breach.ts", "../acme/order.ts"],
  ["src/oidc/breach.ts", "../proxy/feature/middleware.ts"],
  ["src/oidc/session/breach.ts", "../../http/field-edits.ts"],
  ["src/oidc/breach.ts", "node:http"],
  ["src/oidc/breach.ts", "node:fs"],
  ["src/net/breach.ts", "../oidc/oidc-engine.ts"],
  ["src/control/breach.ts", "../oidc/oidc-engine.ts"],
  ["src/config/breach.ts", "../oidc/oidc-engine.ts"],
  ["src/embed/breach.ts", "../convert/convert.ts"],
  ["src/config/breach.ts", "../convert/convert.ts"],
  ["src/proxy/breach.ts", "../regex/path-regexes.ts"],
  ["src/policy/route/breach.ts", "../../regex/path-regexes.ts"],
  ["src/proxy/breach.ts", "../middleware/define-middleware.ts"],
  ["src/net/breach.ts", "../middleware/define-middleware.ts"],
  ["src/control/breach.ts", "../middleware/define-middleware.ts"],
  ["src/embed/breach.ts", "../cli/serve.ts"],
  ["src/embed/breach.ts", "../testing/test-proxy.ts"],
  ["src/embed/breach.ts", "../http-proxy-middleware/options/options.ts"],
  ["src/middleware/breach.ts", "../http-proxy-middleware/options/options.ts"],
  ["src/http-proxy-middleware/breach.ts", "../net/dial.ts"],
  ["src/http-proxy-middleware/breach.ts", "../control/health/probe.ts"],
  ["src/http-proxy-middleware/breach.ts", "../testing/test-proxy.ts"],
  ["src/net/breach.ts", "../testing/test-proxy.ts"],
  ["src/control/breach.ts", "../testing/test-proxy.ts"],
];

describe("breaches of the layer rule are found", () => {
  test("by the matrix", () => {
    for (const [file, module] of BREACHES) assert.notEqual(verdict(file, module), null, `${file} imports ${module}`);
  });

  test("by the linter", () => {
    inFolder((folder) => {
      // The configuration with comments and type-aware rules out: those need the whole program.
      const config = readText(".oxlintrc.json")
        .replace(/^\s*\/\/.*$/gm, "")
        .replace('"typeAware": true', '"typeAware": false');
      writeFileSync(path.join(folder, ".oxlintrc.json"), config);
      const modulesOf = new Map(
        BREACHES.map(([file]) => [file, BREACHES.filter((breach) => breach[0] === file).map(([, module]) => module)]),
      );
      for (const [file, modules] of modulesOf) {
        write(folder, file, modules.map((module, index) => `export { x as x${index} } from "${module}";\n`).join(""));
      }
      const { status, stdout } = runNode(folder, [path.join(ROOT, "node_modules/oxlint/bin/oxlint"), "--format", "unix", "."]);
      assert.equal(status, 1, stdout);
      const missed = [...modulesOf].flatMap(([file, modules]) =>
        modules.flatMap((module, index) => {
          const found = stdout
            .split("\n")
            .some((line) => line.startsWith(`${file}:${index + 1}:`) && line.includes("no-restricted-imports"));
          return found ? [] : [`${file} imports ${module}`];
        }),
      );
      assert.deepEqual(missed, [], stdout);
    });
  });

  test("by the type check without Node's types", () => {
    inFolder((folder) => {
      const code = [
        'import { readFileSync } from "node:fs";',
        "export const a: unknown = readFileSync;",
        "export const b: number = performance.now();",
        "export const c: unknown = setTimeout(() => {}, 1);",
        "export const d: unknown = process.env;",
        "export const e: unknown = globalThis.Buffer;",
        "console.log(a);",
      ];
      write(folder, "breach.ts", `${code.join("\n")}\n`);
      const config = {
        extends: path.join(ROOT, "tsconfig.pure.json"),
        include: ["breach.ts", path.join(ROOT, "types/pure.d.ts")],
        exclude: [],
      };
      write(folder, "tsconfig.json", JSON.stringify(config));
      const { status, stdout } = runNode(folder, [path.join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "."]);
      assert.notEqual(status, 0);
      for (const line of [1, 3, 4, 5, 6, 7]) assert.match(stdout, new RegExp(`breach\\.ts\\(${line},`));
    });
  });
});

test("every folder of src/ is a layer, and ARCHITECTURE.md names it", () => {
  const text = readFileSync(path.join(ROOT, "ARCHITECTURE.md"), "utf8");
  for (const name of new Set(sourceFiles().map((file) => file.split("/")[1] ?? ""))) {
    assert.ok(name in LAYERS, `${name} has no line in the matrix`);
    assert.ok(text.includes(name.endsWith(".ts") ? `  ${name}` : `  ${name}/`), `ARCHITECTURE.md does not name ${name}`);
  }
});

function inFolder(run: (folder: string) => void): void {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-layers-"));
  try {
    run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function write(folder: string, file: string, text: string): void {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  writeFileSync(path.join(folder, file), text);
}

function runNode(cwd: string, argv: readonly string[]): { status: number | null; stdout: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { cwd, encoding: "utf8" });
  return { status, stdout: stdout + stderr };
}
