/** Carries out a plan of edits (policy/headers/edit-plan.ts) on the heads of a route. */
import { connectionOptions } from "../../http/connection-options.ts";
import { fieldLine } from "../../http/field-edits.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { FieldChanges } from "../../http/head-edits.ts";
import { ReplacedNames } from "../../http/replaced-names.ts";
import type { EditPlan } from "../../policy/headers/edit-plan.ts";
import { fieldTexts } from "../../policy/template/cleaned-texts.ts";
import { escapeFieldValue } from "../../policy/template/escapes.ts";
import { constantOf } from "../../policy/template/template.ts";
import type { Template, Variable } from "../../policy/template/template.ts";
import type { ExchangeView } from "./middleware.ts";
import { valueOf } from "./variables.ts";

/** A line with variables. `start` is the text before the value. */
interface FilledLine {
  readonly start: string;
  readonly value: Template;
}

/** All received lines of the name `from` (lower case), under another name. */
interface RenamedLines {
  readonly name: string;
  readonly from: string;
}

/** A string holds constant lines. */
type Part = string | FilledLine | RenamedLines;

export class FieldPlan {
  private readonly names: ReplacedNames;
  private readonly parts: readonly Part[];
  /** Everything in `parts` that depends on the exchange, in order: variables and renamed lines. */
  private readonly inputs: readonly (Variable | RenamedLines)[];
  /** The texts of `inputs` for the last exchange, and the lines that they gave. Exchanges of one client often have the same. */
  private readonly texts: string[];
  private lines: string;

  /** @param template parses a value with variables */
  constructor({ removed, replaced, lines }: EditPlan, template: (text: string) => Template) {
    this.names = new ReplacedNames(removed, replaced);
    this.parts = lines.map((line) => ("from" in line ? line : preparedLine(line.name, template(line.value))));
    this.inputs = this.parts.flatMap(inputsOf);
    this.texts = this.inputs.map(() => "");
    this.lines = this.filled();
  }

  /**
   * Edits a head.
   * @param head the received head; null: there is none
   */
  apply(exchange: ExchangeView, head: FieldSection | null, edits: FieldChanges): void {
    edits.replaceLines(this.names, this.linesFor(exchange, head));
  }

  private linesFor(exchange: ExchangeView, head: FieldSection | null): string {
    const { inputs, texts } = this;
    let same = true;
    for (let index = 0; index < inputs.length; index++) {
      const input = inputs[index];
      if (input === undefined) break;
      const text = "from" in input ? renamedLines(input, head) : valueOf(exchange, input);
      if (text === texts[index]) continue;
      texts[index] = text;
      same = false;
    }
    if (!same) this.lines = this.filled();
    return this.lines;
  }

  /** The lines with `texts` in their places. */
  private filled(): string {
    let at = 0;
    const next = (): string => this.texts[at++] ?? "";
    return this.parts
      .map((part) => {
        if (typeof part === "string") return part;
        if ("from" in part) return next();
        const value = part.value.map((each) => (typeof each === "string" ? each : escapeFieldValue(next()))).join("");
        // A value without text sends no line.
        return value === "" ? "" : `${part.start}${value}\r\n`;
      })
      .join("");
  }
}

function inputsOf(part: Part): readonly (Variable | RenamedLines)[] {
  if (typeof part === "string") return [];
  return "from" in part ? [part] : part.value.filter((each) => typeof each !== "string");
}

function preparedLine(name: string, value: Template): string | FilledLine {
  const parts = fieldTexts(value);
  const text = constantOf(parts);
  if (text === null) return { start: fieldLine(name, "").slice(0, -2), value: parts };
  return text === "" ? "" : fieldLine(name, text);
}

/** The renamed lines. None for a field that Connection names: it is for this connection only, under any name. */
function renamedLines({ from, name }: RenamedLines, head: FieldSection | null): string {
  if (head === null || connectionOptions(head).named.includes(from)) return "";
  let lines = "";
  for (const value of head.values(from)) lines += fieldLine(name, value);
  return lines;
}
