import type { RemovedNames } from "./removed-names.ts";

/**
 * Names whose lines leave a head, prepared once for all exchanges of a route. Both results are remembered for the last argument: exchanges of a
 * route usually bring the same one, and the writer of a head compares what it gets by identity (`FieldEdits`).
 */
export class ReplacedNames {
  private readonly received: readonly string[];
  private readonly added: ReadonlySet<string>;
  private removalBefore: RemovedNames | null = null;
  private removal: RemovedNames | null = null;
  private linesBefore: string = "";
  private lines: string = "";
  private compared: ReplacedNames | null = null;
  private replacesSome: boolean = false;

  /**
   * Throws a TypeError for Host and for framing fields.
   * @param received lower-case names of which no received line is passed on
   * @param added lower-case names of which no line stays that another middleware has added before
   */
  constructor(received: readonly string[], added: readonly string[]) {
    this.received = received;
    this.added = new Set(added);
  }

  /** `before` with the names of received lines. */
  removalAfter(before: RemovedNames): RemovedNames {
    if (this.removal !== null && before === this.removalBefore) return this.removal;
    let removal = before;
    for (const name of this.received) removal = removal.and(name);
    this.removalBefore = before;
    this.removal = removal;
    return removal;
  }

  /** The added lines that stay. */
  linesAfter(before: string): string {
    if (before === "" || this.added.size === 0) return before;
    if (before === this.linesBefore) return this.lines;
    this.linesBefore = before;
    this.lines = this.without(before);
    return this.lines;
  }

  /** As `linesAfter`, and remembers nothing. */
  without(before: string): string {
    return before
      .split(/(?<=\r\n)/)
      .filter((line) => !this.added.has(line.slice(0, line.indexOf(":")).toLowerCase()))
      .join("");
  }

  /** Whether one of the names whose added lines go is a name of `other`. */
  replacesSomeOf(other: ReplacedNames): boolean {
    if (other !== this.compared) {
      this.compared = other;
      this.replacesSome = [...other.added].some((name) => this.added.has(name));
    }
    return this.replacesSome;
  }
}
