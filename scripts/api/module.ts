/** A module of src/ as the API page sees it: what it declares and exports, and where its names come from. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseSync } from "oxc-parser";
import type { Declaration as SyntaxOfDeclaration, Statement } from "oxc-parser";

/** A name that a module has of another one. */
export interface Origin {
  /** Path within the checkout; null: a package, or a module of Node. */
  readonly file: string | null;
  readonly name: string;
  /** Passed on by `export type`: whoever imports the name can neither call nor construct it. */
  readonly isType: boolean;
}

/** A declaration of a module, with the position of the statement that holds it. */
export interface Place {
  readonly syntax: SyntaxOfDeclaration;
  readonly start: number;
  /** There is an earlier declaration of the name: an overload, or a type beside a value. */
  readonly isRepeated: boolean;
}

export class Module {
  readonly file: string;
  readonly text: string;
  /** What the module declares at its top, by name. */
  readonly declared: Map<string, Place> = new Map();
  /** What the module exports, in order, by the name under which it does. */
  readonly exported: Map<string, Origin> = new Map();
  /** Modules of which it exports everything. */
  readonly wholes: string[] = [];
  private readonly imported: Map<string, Origin> = new Map();
  private readonly comments: Map<number, string> = new Map();

  /** @param file path within the checkout */
  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    const { program, comments, errors } = parseSync(file, text);
    if (errors[0] !== undefined) throw new Error(`${file}: ${errors[0].message}`);
    for (const { type, value, start, end } of comments)
      if (type === "Block" && value.startsWith("*")) this.comments.set(nextWord(text, end), text.slice(start, end));
    for (const statement of program.body) this.read(statement);
  }

  /** Where a name that the module uses is declared; null: the module has none, so it is one of the language or of Node. */
  originOf(name: string): Origin | null {
    return this.declared.has(name) ? { file: this.file, name, isType: false } : (this.imported.get(name) ?? null);
  }

  /** The JSDoc comment in front of that position, as written; "": there is none. */
  commentAt(start: number): string {
    return this.comments.get(start) ?? "";
  }

  private read(statement: Statement): void {
    switch (statement.type) {
      case "ImportDeclaration":
        for (const specifier of statement.specifiers) {
          if (specifier.type !== "ImportSpecifier") continue;
          this.imported.set(specifier.local.name, this.at(statement.source.value, nameOf(specifier.imported)));
        }
        return;
      case "ExportAllDeclaration":
        this.wholes.push(join(dirname(this.file), statement.source.value));
        return;
      case "ExportNamedDeclaration":
        for (const { local, exported } of statement.specifiers) {
          const name = nameOf(local);
          const from = statement.source === null ? this.originOf(name) : this.at(statement.source.value, name);
          if (from !== null) this.exported.set(nameOf(exported), { ...from, isType: statement.exportKind === "type" });
        }
        if (statement.declaration !== null)
          for (const name of this.addDeclared(statement.declaration, statement.start))
            this.exported.set(name, { file: this.file, name, isType: false });
        return;
      case "FunctionDeclaration":
      case "ClassDeclaration":
      case "VariableDeclaration":
      case "TSInterfaceDeclaration":
      case "TSTypeAliasDeclaration":
        this.addDeclared(statement, statement.start);
        return;
      default:
    }
  }

  private addDeclared(syntax: SyntaxOfDeclaration, start: number): string[] {
    const ids = syntax.type === "VariableDeclaration" ? syntax.declarations.map(({ id }) => id) : "id" in syntax ? [syntax.id] : [];
    const names = ids.flatMap((id) => (id?.type === "Identifier" ? [id.name] : []));
    for (const name of names) this.declared.set(name, { syntax, start, isRepeated: this.declared.has(name) });
    return names;
  }

  private at(source: string, name: string): Origin {
    return { file: source.startsWith(".") ? join(dirname(this.file), source) : null, name, isType: false };
  }
}

/** Reads modules of the checkout, each once. */
export class Modules {
  private readonly root: URL;
  private readonly read: Map<string, Module> = new Map();

  /** @param root the checkout, with a slash at its end */
  constructor(root: URL) {
    this.root = root;
  }

  of(file: string): Module {
    let module = this.read.get(file);
    if (module === undefined) this.read.set(file, (module = new Module(file, readFileSync(new URL(file, this.root), "utf8"))));
    return module;
  }
}

function nameOf(name: { readonly type: string; readonly name?: string; readonly value?: unknown }): string {
  return name.name ?? String(name.value);
}

/** Position of the next character that is no white space. */
function nextWord(text: string, from: number): number {
  let at = from;
  while (/\s/.test(text.charAt(at))) at++;
  return at;
}
