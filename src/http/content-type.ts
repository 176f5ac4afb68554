/** Reads a media type with its parameters, the value of Content-Type (RFC 9110 section 8.3.1). */

export interface ContentType {
  /** Type and subtype in lower case, such as `application/json`. */
  readonly type: string;
  /** Names in lower case, in the order of the value. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const TYPE = new RegExp(`^(${TOKEN}/${TOKEN})[ \\t]*`, "y");
/** A semicolon, and after it a parameter, whose value is a token or in quotation marks, or nothing. */
const PARAMETER = new RegExp(`;[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)"))?[ \\t]*`, "y");

/** Null: the value is no media type. */
export function parseContentType(value: string): ContentType | null {
  const text = value.trim();
  TYPE.lastIndex = 0;
  const type = TYPE.exec(text)?.[1];
  if (type === undefined) return null;
  const parameters: (readonly [string, string])[] = [];
  let at = TYPE.lastIndex;
  while (at < text.length) {
    PARAMETER.lastIndex = at;
    const found = PARAMETER.exec(text);
    if (found === null) return null;
    const [, name, token, quoted] = found;
    if (name !== undefined) parameters.push([name.toLowerCase(), token ?? (quoted ?? "").replace(/\\(.)/g, "$1")]);
    at = PARAMETER.lastIndex;
  }
  return { type: type.toLowerCase(), parameters };
}

/** The value of a parameter; "": there is none; null: there are several, or the value is in a form that programs read in different ways (RFC 2231). */
export function parameterOf({ parameters }: ContentType, wanted: string): string | null {
  const found = parameters.filter(([name]) => name === wanted || name.startsWith(`${wanted}*`));
  if (found.length === 0) return "";
  return found.length === 1 && found[0]?.[0] === wanted ? found[0][1] : null;
}
