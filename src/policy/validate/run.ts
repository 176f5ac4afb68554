/** One look at one value: what was found, and how much work may still be done for it. */

/** What is wrong with a value: where it stands, and the keyword of the description that it does not meet. No part of it is the client's own text. */
export interface SchemaFault {
  /** A JSON Pointer (RFC 6901) into the value. A name that the description does not have stands there as `*`. */
  readonly pointer: string;
  /** A keyword of JSON Schema. `cost`: the value takes more work than values of its size may. */
  readonly keyword: string;
}

/** Faults that are told of one value. */
export const FAULTS_MAX = 8;
/** References within each other. Each takes some calls. */
const REFERENCES_MAX = 500;

/** Thrown when a value has taken more steps than it may. */
export class TooCostly extends Error {}

export class Run {
  readonly faults: SchemaFault[] = [];
  /** Above 0: only whether a value is right is asked, not why. */
  quiet: number = 0;
  private steps: number;
  private references: number = 0;
  private readonly path: (string | number)[] = [];

  /** @param steps that may be taken; a step is about the work that one value takes for one schema */
  constructor(steps: number) {
    this.steps = steps;
  }

  /** Counts steps. */
  spend(steps: number): void {
    this.steps -= steps;
    if (this.steps < 0) throw new TooCostly();
  }

  enterReference(): void {
    if (++this.references > REFERENCES_MAX) throw new TooCostly();
  }

  leaveReference(): void {
    this.references--;
  }

  /** Goes to a member or an element. */
  enter(token: string | number): void {
    this.path.push(token);
  }

  leave(): void {
    this.path.pop();
  }

  /** Notes a fault of the value that is looked at. Returns false, for the caller to return. */
  fault(keyword: string): false {
    if (this.quiet === 0 && this.faults.length < FAULTS_MAX) this.faults.push({ pointer: pointerOf(this.path), keyword });
    return false;
  }

  /** Whether faults go unnoticed, so that the first one ends the look. */
  get endsAtFirst(): boolean {
    return this.quiet > 0 || this.faults.length >= FAULTS_MAX;
  }
}

export function pointerOf(path: readonly (string | number)[]): string {
  return path.map((token) => `/${String(token).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The steps that a value of that many bytes may take. A step takes some 20 ns, so a small value takes 50 ms at most, and the largest some tenths of a second. */
export function stepsFor(bytes: number): number {
  return Math.min(2_000_000 + 20 * bytes, 10_000_000);
}
