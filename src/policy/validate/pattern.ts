/**
 * Writes a regular expression of ECMA-262, as JSON Schema has them in `pattern`, in the syntax of RE2, which matches in linear time. What RE2
 * cannot do is a problem: looking ahead or behind, and references back to a group. So are escapes that mean something in other syntaxes, because
 * who writes `\A` for the beginning of a text would get a pattern that never matches.
 */

export interface Re2Pattern {
  readonly re2: string;
  /** Characters that the text may have, for patterns like `^[a-z]{1,2048}$`: RE2 repeats nothing more than 1000 times. Null: any number. */
  readonly length: { readonly min: number; readonly max: number } | null;
}

export function toRe2(pattern: string): Re2Pattern | { readonly problem: string } {
  try {
    const whole = ofOneClass(pattern);
    return whole ?? { re2: new Translation(pattern).whole(), length: null };
  } catch (error) {
    if (error instanceof PatternProblem) return { problem: error.message };
    throw error;
  }
}

class PatternProblem extends Error {}

const ANY = String.raw`[\x00-\x{10FFFF}]`;
const NOTHING = String.raw`[^\x00-\x{10FFFF}]`;
const NO_LINE_END = String.raw`[^\n\r\x{2028}\x{2029}]`;
/** White space of ECMA-262; RE2 has six characters only. */
const SPACES = String.raw`\t-\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}`;
const GROUPS_MAX = 50;

const ONE_CLASS = /^\^(\[(?:[^\\\]]|\\.)+\]|\.|\\[dwsDWS])\{([0-9]{1,7})(?:(,)([0-9]{0,7}))?\}\$$/s;

/** The pattern as a length and a class, where it is nothing else and repeats much. */
function ofOneClass(pattern: string): Re2Pattern | null {
  const [, atom = "", from = "", comma, to = ""] = ONE_CLASS.exec(pattern) ?? [];
  const min = Number(from);
  const max = comma === undefined ? min : to === "" ? Infinity : Number(to);
  if (atom === "" || max < min || (max < 64 && min < 64)) return null;
  return { re2: `^${new Translation(atom).whole()}*$`, length: { min, max } };
}

class Translation {
  private readonly characters: readonly string[];
  private at: number = 0;
  private depth: number = 0;

  constructor(pattern: string) {
    this.characters = Array.from(pattern);
  }

  whole(): string {
    const text = this.alternatives();
    if (this.at < this.characters.length) throw new PatternProblem("a parenthesis is closed that was not opened");
    return text;
  }

  private alternatives(): string {
    let text = this.sequence();
    while (this.take("|")) text += `|${this.sequence()}`;
    return text;
  }

  private sequence(): string {
    let text = "";
    for (;;) {
      const next = this.peek();
      if (next === "" || next === "|" || next === ")") return text;
      text += this.term();
    }
  }

  private term(): string {
    if (this.take("^")) return "^";
    if (this.take("$")) return "$";
    const atom = this.atom();
    const repeat = this.repeat();
    if (repeat === "") return atom;
    return atom + repeat + (this.take("?") ? "?" : "");
  }

  private repeat(): string {
    const next = this.peek();
    if (next === "*" || next === "+" || next === "?") {
      this.at++;
      return next;
    }
    const counts = this.counts();
    if (counts === "") return "";
    this.at += counts.length;
    return counts;
  }

  /** `{2}`, `{2,}` or `{2,4}`, if it stands here. */
  private counts(): string {
    if (this.peek() !== "{") return "";
    return /^\{[0-9]+(?:,[0-9]*)?\}/.exec(this.characters.slice(this.at, this.at + 24).join(""))?.[0] ?? "";
  }

  private atom(): string {
    const next = this.peek();
    if (next === "*" || next === "+" || next === "?" || this.counts() !== "") throw new PatternProblem("there is nothing to repeat");
    this.at++;
    if (next === "(") return this.group();
    if (next === "[") return this.characterClass();
    if (next === ".") return NO_LINE_END;
    if (next === "\\") return this.escape(false);
    return literal(next);
  }

  private group(): string {
    if (++this.depth > GROUPS_MAX) throw new PatternProblem("its groups are too deep");
    const opening = this.opening();
    const inside = this.alternatives();
    if (!this.take(")")) throw new PatternProblem("a parenthesis is not closed");
    this.depth--;
    return `${opening}${inside})`;
  }

  /** What a group begins with. Nobody asks what groups have matched. */
  private opening(): string {
    const rest = this.characters.slice(this.at, this.at + 80).join("");
    const kind = /^\?(?:[:=!]|<[=!]|P?<[A-Za-z_$][\w$]*>|[ims]+(?:-[ims]+)?[:)])/.exec(rest)?.[0] ?? "";
    if (kind === "" && rest.startsWith("?")) throw new PatternProblem("a group is of no kind that ECMAScript has");
    if (/^\?<?[=!]$/.test(kind)) throw new PatternProblem("it looks ahead or behind, which the linear-time engine cannot");
    this.at += Array.from(kind).length;
    if (!/^\?[ims]/.test(kind)) return "(?:";
    if (kind.endsWith(":")) return `(${kind}`;
    // `(?i)` holds for the rest of the group around it: the closing parenthesis is read again.
    this.at--;
    return `(${kind.slice(0, -1)}`;
  }

  private escape(inClass: boolean): string {
    const letter = this.peek();
    this.at++;
    switch (letter) {
      case "":
        throw new PatternProblem("it ends with a backslash");
      case "d":
      case "D":
      case "w":
      case "W":
      case "f":
      case "n":
      case "r":
      case "t":
      case "v":
        return `\\${letter}`;
      case "s":
        return inClass ? SPACES : `[${SPACES}]`;
      case "S":
        return inClass ? "\\S" : `[^${SPACES}]`;
      case "b":
        return inClass ? "\\x08" : "\\b";
      case "B":
        if (!inClass) return "\\B";
        break;
      case "p":
      case "P":
        return this.property(letter);
      case "x":
        return this.code(2);
      case "u":
        return this.unicode();
      case "c":
        return this.control();
      case "0":
        if (!/[0-9]/.test(this.peek())) return "\\x00";
        break;
      case "k":
        throw new PatternProblem("it refers back to a group, which the linear-time engine cannot");
      default:
        if (/[1-9]/.test(letter)) throw new PatternProblem("it refers back to a group, which the linear-time engine cannot");
        if (!/[A-Za-z0-9]/.test(letter)) return literal(letter);
    }
    throw new PatternProblem(`\\${letter} has no meaning in ECMAScript`);
  }

  private property(letter: string): string {
    const [whole = "", name = ""] = /^\{([A-Za-z_]+(?:=[A-Za-z_]+)?)\}/.exec(this.characters.slice(this.at, this.at + 60).join("")) ?? [];
    if (name === "") throw new PatternProblem(`\\${letter} is followed by no property`);
    this.at += whole.length;
    const [, kind = "", value = ""] = /^(.*)=(.*)$/.exec(name) ?? [];
    if (kind === "") return `\\${letter}{${LONG_NAMES[name] ?? name}}`;
    if (!/^(?:gc|General_Category|sc|Script)$/.test(kind))
      throw new PatternProblem("it asks for a property that the linear-time engine does not know");
    return `\\${letter}{${LONG_NAMES[value] ?? value}}`;
  }

  private code(digits: number): string {
    const text = this.characters.slice(this.at, this.at + digits).join("");
    if (text.length !== digits || !/^[0-9A-Fa-f]+$/.test(text)) throw new PatternProblem("an escape has too few digits");
    this.at += digits;
    return `\\x{${text}}`;
  }

  private unicode(): string {
    const rest = this.characters.slice(this.at, this.at + 12).join("");
    const [braced = "", digits = ""] = /^\{([0-9A-Fa-f]{1,6})\}/.exec(rest) ?? [];
    if (braced !== "") {
      this.at += braced.length;
      if (Number.parseInt(digits, 16) > 0x10ffff) throw new PatternProblem("an escape names no character");
      return `\\x{${digits}}`;
    }
    const [pair = "", high = "", low = ""] = /^([Dd][89ABab][0-9A-Fa-f]{2})\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})/.exec(rest) ?? [];
    if (pair === "") return this.code(4);
    this.at += pair.length;
    const character = 0x10000 + ((Number.parseInt(high, 16) & 0x3ff) << 10) + (Number.parseInt(low, 16) & 0x3ff);
    return `\\x{${character.toString(16)}}`;
  }

  private control(): string {
    const letter = this.peek();
    if (!/^[A-Za-z]$/.test(letter)) throw new PatternProblem("\\c is followed by no letter");
    this.at++;
    return `\\x{${(letter.charCodeAt(0) % 32).toString(16)}}`;
  }

  private characterClass(): string {
    const isNegated = this.take("^");
    let members = "";
    while (!this.take("]")) {
      if (this.peek() === "") throw new PatternProblem("a bracket is not closed");
      const from = this.member();
      const [dash, after] = [this.characters[this.at], this.characters[this.at + 1]];
      if (dash !== "-" || after === "]" || after === undefined || isSet(from)) {
        members += from;
        continue;
      }
      this.at++;
      const to = this.member();
      // As browsers read it: a set at either end makes the dash one of the members.
      members += isSet(to) ? `${from}\\x{2D}${to}` : `${from}-${to}`;
    }
    if (members === "") return isNegated ? ANY : NOTHING;
    return isNegated ? `[^${members}]` : `[${members}]`;
  }

  private member(): string {
    const next = this.peek();
    this.at++;
    return next === "\\" ? this.escape(true) : literal(next);
  }

  private peek(): string {
    return this.characters[this.at] ?? "";
  }

  private take(character: string): boolean {
    if (this.peek() !== character) return false;
    this.at++;
    return true;
  }
}

/** Whether a member of a class stands for several characters. */
function isSet(member: string): boolean {
  return member === SPACES || /^\\[dDwWSpP]/.test(member);
}

function literal(character: string): string {
  if (/^[A-Za-z0-9_]$/.test(character)) return character;
  return `\\x{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`;
}

/** Names of properties that RE2 knows by a shorter one. */
const LONG_NAMES: Readonly<Record<string, string>> = {
  Letter: "L",
  Uppercase_Letter: "Lu",
  Lowercase_Letter: "Ll",
  Mark: "M",
  Number: "N",
  Decimal_Number: "Nd",
  Punctuation: "P",
  Symbol: "S",
  Separator: "Z",
  Space_Separator: "Zs",
  Other: "C",
  Control: "Cc",
};
