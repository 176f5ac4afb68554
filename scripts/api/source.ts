/** Text out of the source of a module, as a declaration file has it: without bodies and initial values. */
import type { Function as SyntaxOfFunction, ParamPattern, TSType, TSTypeAnnotation } from "oxc-parser";

/** A part of a module's text, from `start` up to `end`. */
interface Part {
  readonly start: number;
  readonly end: number;
}

/** Parameters and result of a function: `<T>(first: A, second?: B): Result`. */
export function callText(text: string, syntax: Pick<SyntaxOfFunction, "typeParameters" | "params" | "returnType">): string {
  const params = syntax.params.map((param) => paramText(text, param)).join(", ");
  return `${textOf(text, syntax.typeParameters)}(${params})${textOf(text, syntax.returnType)}`;
}

/** The text of a part, as it is written; "" for none. */
export function textOf(text: string, part: Part | null | undefined): string {
  return part === null || part === undefined ? "" : text.slice(part.start, part.end);
}

/** A parameter with a default value is written as an optional one, and one that is taken apart gets a name. */
function paramText(text: string, param: ParamPattern): string {
  if (param.type === "TSParameterProperty" || param.type === "RestElement") return textOf(text, param);
  const hasDefault = param.type === "AssignmentPattern";
  const pattern: {
    readonly type: string;
    readonly name?: string;
    readonly optional?: boolean;
    readonly typeAnnotation?: TSTypeAnnotation | null;
  } = hasDefault ? param.left : param;
  const name = pattern.name ?? nameFor(pattern.typeAnnotation?.typeAnnotation ?? null);
  return `${name}${hasDefault || pattern.optional === true ? "?" : ""}${textOf(text, pattern.typeAnnotation)}`;
}

/** `statusLine` for a parameter of the type `StatusLine`; `options` for one whose type has no such name. */
function nameFor(type: TSType | null): string {
  if (type?.type !== "TSTypeReference" || type.typeArguments !== null || type.typeName.type !== "Identifier") return "options";
  const { name } = type.typeName;
  return name.charAt(0).toLowerCase() + name.slice(1);
}
