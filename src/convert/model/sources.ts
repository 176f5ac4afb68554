/** What a converter needs of its surroundings. */

export interface SourceFile {
  /** As it is shown in notes. */
  readonly name: string;
  readonly text: string;
}

export interface Sources {
  /**
   * The files that an `include` or `import` means, in the order of their names; none when there is no such file.
   * @param pattern a path, with `*` and `?` for any characters
   * @param from the file in which it stands
   */
  readonly read: (pattern: string, from: string) => readonly SourceFile[];
  /** Why a regular expression cannot be compiled; null: it can. */
  readonly patternProblem: (pattern: string) => string | null;
  /** Whether there is such a file. @param path relative to the folder of the main file, or absolute */
  readonly isFile: (path: string) => boolean;
  /** The text of a file that the configuration names; null: it cannot be read. @param path as for `isFile` */
  readonly text: (path: string) => string | null;
  /** The names in a list of cipher suites, joined by colons, that OpenSSL does not know. */
  readonly unknownCiphers: (list: string) => readonly string[];
  /** The same for groups of the key exchange. */
  readonly unknownCurves: (list: string) => readonly string[];
  /** Whether an expression that can be compiled matches some part of the text. */
  readonly matches: (pattern: string, text: string) => boolean;
}
