/** docs/api.md agrees with the sources, and everything on it is described and can be named. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { apiExports, apiPage } from "./api-page.ts";
import { declarationOf } from "./api/declaration.ts";
import { jsDocOf } from "./api/js-doc.ts";
import { Module } from "./api/module.ts";

const EXPORTS = [...apiExports().values()].flat();

test("the page is what `npm run docs` makes of the sources", () => {
  assert.equal(readFileSync(new URL("../docs/api.md", import.meta.url), "utf8"), apiPage());
});

test("its entries are those of the package", () => {
  const { exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { exports: Record<string, unknown> };
  const names = Object.keys(exports).filter((name) => name !== "./package.json");
  assert.deepEqual(
    [...apiExports().keys()],
    names.map((name) => name.replace(/^\./, "millrace")),
  );
});

test("every export and every public member of one is described", () => {
  const bare = EXPORTS.flatMap(({ name, file, doc, members }) => [
    ...(doc.text === "" ? [`${file}: ${name}`] : []),
    ...members.filter((member) => member.doc.text === "").map((member) => `${file}: ${name}: ${member.signature}`),
  ]);
  assert.deepEqual(bare, []);
});

test("every type that a public signature refers to is exported too, or is one of the language or of Node", () => {
  const keys = new Set(EXPORTS.map((exported) => exported.key));
  const hidden = EXPORTS.flatMap(({ name, uses }) =>
    [...uses.values()].filter((key) => !keys.has(key)).map((key) => `${name} refers to ${key}`),
  );
  assert.deepEqual(hidden, []);
});

test("every link within the page leads to a heading", () => {
  const page = apiPage().replace(/```[^]*?```/g, "");
  const slugs = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
  const anchors = new Set(
    slugs.map((slug, index) => `${slug}${"-" + slugs.slice(0, index).filter((each) => each === slug).length}`.replace(/-0$/, "")),
  );
  const links = [...page.matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor = ""]) => anchor);
  assert.ok(links.length > 100, `${links.length} links`);
  assert.deepEqual(
    links.filter((anchor) => !anchors.has(anchor)),
    [],
  );
});

test("a class is read as its declaration file has it: without what is private, internal, a body or an initial value", () => {
  const module = new Module(
    "src/box.ts",
    `import type { Lid } from "./lid.ts";
/** A box. */
export class Box<T extends object> extends Base<T> {
  /** How many there are. */
  count: number = 3;
  /** @internal For the factory only. */
  secret: Hidden = make();
  private readonly inner: Inner = new Inner();
  #own: Own | null = null;

  /** @internal */
  constructor(given: Given) { super(given); }

  /** Its name. */
  get name(): string { return ""; }

  /**
   * Closes it.
   * @param lid that fits
   * exactly
   */
  async close(lid: Lid, { tight = true }: Options = {}, times: number = 1, ...more: readonly Lid[]): Promise<void> { const x: Local = 1; }

  bare(): void {}
}`,
  );
  const { kind, signature, doc, members, references } = declarationOf(module, "Box");
  assert.deepEqual([kind, signature, doc.text], ["class", "class Box<T extends object> extends Base<T>", "A box."]);
  assert.deepEqual(
    members.map((member) => [member.signature, member.doc.text]),
    [
      ["count: number", "How many there are."],
      ["readonly name: string", "Its name."],
      ["close(lid: Lid, options?: Options, times?: number, ...more: readonly Lid[]): Promise<void>", "Closes it."],
      ["bare(): void", ""],
    ],
  );
  assert.deepEqual(members[2]?.doc.params, [["lid", "that fits exactly"]]);
  assert.deepEqual([...references].sort(), ["Base", "Lid", "Options", "Promise"]);
  assert.deepEqual(
    [module.originOf("Lid")?.file, module.originOf("Box")?.file, module.originOf("Promise")],
    ["src/lid.ts", "src/box.ts", null],
  );
});

test("references are found wherever a type can stand, and names that a type declares itself are none", () => {
  const module = new Module(
    "src/a.ts",
    `export type Deep<T> = T extends Box<infer Inner> ? { readonly [Key in keyof Inner]: Deep<Inner[Key]> } : Other.Name | (typeof VALUE)["a"];
export interface Shape<S = Standard> extends Omit<Parent, "x"> { run?(given: (each: Argument) => Result): asserts given is Told; [key: string]: Indexed }
export const made: { call(): Made } = { call: () => new Private() };`,
  );
  const found = (name: string): readonly string[] => [...declarationOf(module, name).references].sort();
  assert.deepEqual(found("Deep"), ["Box", "Deep", "Other", "VALUE"]);
  assert.deepEqual(found("Shape"), ["Argument", "Indexed", "Omit", "Parent", "Result", "Standard", "Told"]);
  assert.deepEqual(found("made"), ["Made"]);
});

test("what has no written type, and tags that the page does not know, are errors", () => {
  const module = new Module(
    "src/a.ts",
    "export const a = 1;\nexport class B { c = 1; }\nexport enum D {}\nexport function e(): void {}\nexport type e = 1;",
  );
  assert.throws(() => declarationOf(module, "a"), /src\/a\.ts: the constant a needs a written type/);
  assert.throws(() => declarationOf(module, "B"), /src\/a\.ts: the property c needs a written type/);
  assert.throws(() => declarationOf(module, "D"), /of a kind that scripts\/api does not read: TSEnumDeclaration/);
  assert.throws(() => declarationOf(module, "e"), /src\/a\.ts declares e more than once/);
  assert.throws(() => jsDocOf("/** @returns a number */"), /the API page knows no @returns/);
});
