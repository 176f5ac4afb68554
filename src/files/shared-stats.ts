/**
 * Asks the system for the state of files. Of those who ask for the same file while the system is being asked, all get the result of the next time:
 * so a file is asked for once at a time, and nobody gets a state from before the own question.
 */
import { stat } from "node:fs";
import type { Stats } from "node:fs";
import type { NoFile } from "../proxy/feature/file-store.ts";
import { noFile } from "./no-file.ts";

export class SharedStats {
  private readonly running: Map<string, Question> = new Map();

  of(file: string): Promise<Stats | NoFile> {
    const before = this.running.get(file);
    if (before === undefined) return this.ask(file);
    return (before.next ??= before.result.then(() => this.ask(file)));
  }

  private ask(file: string): Promise<Stats | NoFile> {
    const question: Question = { result: statOf(file), next: null };
    this.running.set(file, question);
    void question.result.then(() => {
      // Else `next` asks now, and takes this place.
      if (question.next === null) this.running.delete(file);
    });
    return question.result;
  }
}

interface Question {
  readonly result: Promise<Stats | NoFile>;
  next: Promise<Stats | NoFile> | null;
}

function statOf(file: string): Promise<Stats | NoFile> {
  return new Promise((resolve) => {
    try {
      // To make an error of each file that is not there would take longer than to ask for it.
      stat(file, { throwIfNoEntry: false }, (error, stats) => resolve(error === null ? (stats ?? "missing") : noFile(error)));
    } catch {
      // Node throws for a path that no system call takes.
      resolve("missing");
    }
  });
}
