/** What of a foreign configuration has no equivalent, or acts in another way, with its place. */

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export interface Note {
  readonly place: Place;
  /** The name of the directive. Its arguments are left out where they may be secret. */
  readonly what: string;
  /** A sentence without its full stop. */
  readonly why: string;
}

/** Collects notes, each once. */
export class Notes {
  private readonly found = new Map<string, Note>();

  /** Adds a note to the list and, unless it stands in the list already, to the comments of what it is about. */
  add(note: Note, comments?: string[]): void {
    const text = formatNote(note);
    if (this.found.has(text)) return;
    this.found.set(text, note);
    comments?.push(text);
  }

  /** All notes: the files in the order in which they first occur, each from its first line to its last. */
  sorted(): readonly Note[] {
    const notes = [...this.found.values()];
    const files = [...new Set(notes.map(({ place }) => place.file))];
    return notes.sort((a, b) => files.indexOf(a.place.file) - files.indexOf(b.place.file) || a.place.line - b.place.line);
  }
}

export function formatNote({ place, what, why }: Note): string {
  return `${formatPlace(place)}: ${what}: ${why}`;
}

export function formatPlace({ file, line }: Place): string {
  return `${file}:${line}`;
}

/** Why the file cannot be converted at all. */
export interface Fault {
  readonly place: Place;
  readonly message: string;
}
