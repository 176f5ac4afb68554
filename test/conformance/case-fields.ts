/** JSON records of the corpora, read field by field. */
import { readText } from "../support/source-files.ts";

/** `(?is)abc` becomes /abc/ims: the corpus marks flags as most languages do, and its expressions are multi-line. */
function pattern(text: string): RegExp {
  const flags = /^\(\?([a-z]+)\)/.exec(text);
  const letters = new Set(`m${flags?.[1] ?? ""}`);
  return new RegExp(flags === null ? text : text.slice(flags[0].length), [...letters].join(""));
}

/** The records of a file of `test/corpus`. */
export function caseRecords(file: string): Fields[] {
  const list: unknown = JSON.parse(readText(`test/corpus/${file}`));
  if (!Array.isArray(list)) throw new Error(`${file} is no list`);
  return list.map((record: unknown, index) => new Fields(`${file}[${index}]`, record));
}

/** One JSON object, read field by field: a field of a wrong type or one that nobody read is an error in the corpus. */
export class Fields {
  private readonly where: string;
  private readonly values: ReadonlyMap<string, unknown>;
  private readonly read: Set<string> = new Set();

  constructor(where: string, value: unknown) {
    if (typeof value !== "object" || value === null) throw new Error(`${where} is no object`);
    this.where = where;
    this.values = new Map(Object.entries(value));
  }

  text(key: string): string {
    const value = this.optionalText(key);
    return value ?? this.wrong(key, "is missing");
  }

  optionalText(key: string): string | undefined {
    const value = this.take(key);
    return value === undefined || typeof value === "string" ? value : this.wrong(key, "is no text");
  }

  number(key: string): number | undefined {
    const value = this.take(key);
    return value === undefined || typeof value === "number" ? value : this.wrong(key, "is no number");
  }

  has(key: string): boolean {
    return this.values.has(key);
  }

  /** A list; a text counts as a list of one. */
  textOrTexts(key: string): string[] {
    const value = this.values.get(key);
    return typeof value === "string" ? [this.text(key)] : this.texts(key);
  }

  numbers(key: string): number[] {
    const value = this.take(key) ?? [];
    if (!Array.isArray(value)) return this.wrong(key, "is no list");
    return value.map((each: unknown) => (typeof each === "number" ? each : this.wrong(key, "holds no number")));
  }

  flag(key: string): boolean {
    const value = this.take(key) ?? false;
    return typeof value === "boolean" ? value : this.wrong(key, "is no boolean");
  }

  table(key: string): unknown {
    return this.take(key) ?? {};
  }

  texts(key: string): string[] {
    const value = this.take(key) ?? [];
    if (!Array.isArray(value)) return this.wrong(key, "is no list");
    return value.map((text: unknown) => (typeof text === "string" ? text : this.wrong(key, "holds no text")));
  }

  patterns(key: string): RegExp[] {
    return this.texts(key).map(pattern);
  }

  oneOf<Value extends string>(key: string, allowed: readonly Value[]): Value {
    const text = this.text(key);
    return allowed.find((value) => value === text) ?? this.wrong(key, `is ${text}`);
  }

  nothingElse(): void {
    for (const key of this.values.keys()) if (!this.read.has(key)) this.wrong(key, "is unknown");
  }

  private take(key: string): unknown {
    this.read.add(key);
    return this.values.get(key);
  }

  private wrong(key: string, what: string): never {
    throw new Error(`${this.where}: ${key} ${what}`);
  }
}
