/**
 * Puts the edits of several levels together: those for all routes, then those of the upstream, then those of the route. Each level acts on what
 * the one before has left: it removes, renames, sets and adds, in this order. The result is one list of what happens to a head, so that an
 * exchange costs the same however many levels there are.
 */

/** The edits of one level. Values may hold variables; they are not looked at here. */
export interface LevelEdits {
  /** Names whose lines are removed. */
  readonly remove: readonly string[];
  /** New names by old ones. All lines of the old name get the new one; lines that had it stay. */
  readonly rename: Readonly<Record<string, string>>;
  /** Values by name. All lines of the name are replaced by one. */
  readonly set: Readonly<Record<string, string>>;
  /** Values by name. A line is added for each. */
  readonly add: Readonly<Record<string, readonly string[]>>;
}

/** A line to write, or the received lines of the name `from` (lower case) under another name. */
export type PlannedLine = { readonly name: string; readonly value: string } | { readonly name: string; readonly from: string };

export interface EditPlan {
  /** Lower-case names whose received lines are not passed on. */
  readonly removed: readonly string[];
  /** Those of them whose lines also go when other middleware has added them. Renaming is for received lines only. */
  readonly replaced: readonly string[];
  /** The lines to add, in order. */
  readonly lines: readonly PlannedLine[];
}

/** What a name has: null stands for its received lines. */
type Content = PlannedLine | null;

export function planEdits(levels: readonly LevelEdits[]): EditPlan {
  const contents = new Map<string, readonly Content[]>();
  const replaced = new Set<string>();
  const contentOf = (key: string): readonly Content[] => contents.get(key) ?? [null];
  for (const { remove, rename, set, add } of levels) {
    for (const name of remove) empty(contents, replaced, name);
    // All old names are emptied before any new name is filled: two fields can change their names with each other.
    const moved = Object.entries(rename).map(([from, name]) => {
      const key = from.toLowerCase();
      return { name, lines: contentOf(key).map((line) => renamed(line, key, name)), key };
    });
    for (const { key } of moved) contents.set(key, []);
    for (const { name, lines } of moved) contents.set(name.toLowerCase(), [...contentOf(name.toLowerCase()), ...lines]);
    for (const [name, value] of Object.entries(set)) {
      empty(contents, replaced, name);
      contents.set(name.toLowerCase(), [{ name, value }]);
    }
    for (const [name, values] of Object.entries(add)) {
      contents.set(name.toLowerCase(), [...contentOf(name.toLowerCase()), ...values.map((value) => ({ name, value }))]);
    }
  }
  return {
    removed: [...contents].filter(([, lines]) => !lines.includes(null)).map(([key]) => key),
    replaced: [...replaced],
    lines: [...contents.values()].flat().filter((line) => line !== null),
  };
}

function empty(contents: Map<string, readonly Content[]>, replaced: Set<string>, name: string): void {
  contents.set(name.toLowerCase(), []);
  replaced.add(name.toLowerCase());
}

function renamed(line: Content, key: string, name: string): Content {
  if (line === null) return { name, from: key };
  // Received lines that get their old name back stay where they are.
  if ("from" in line) return line.from === name.toLowerCase() ? null : { name, from: line.from };
  return { name, value: line.value };
}
