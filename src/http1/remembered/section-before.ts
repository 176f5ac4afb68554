import type { ConnectionOptions } from "../../http/connection-options.ts";
import type { FieldSection } from "../../http/field-section.ts";

/**
 * Remembers the field lines of the previous message, and what was computed from them. A reader saves them here when it clears its head for
 * the next message. If the next lines are the same, the reader puts everything back, so that nothing is computed again.
 */
export class SectionBefore {
  text: string = "";
  count: number = 0;
  /** Edition of the lines, see FieldSection. 0: the lines were not complete and cannot be recalled. */
  edition: number = 0;
  private present: number = 0;
  private connection: ConnectionOptions | null = null;
  private derived: object | null = null;

  /** Saves the section. Its offsets are not copied: they stay in the section until other lines overwrite them. */
  take(section: FieldSection): void {
    this.text = section.text;
    this.count = section.count;
    this.edition = section.edition;
    this.present = section.present;
    this.connection = section.connection;
    this.derived = section.derived;
  }

  /** Puts everything back into the saved section, which was cleared since: the next message has the same lines, octet by octet. */
  recall(section: FieldSection): void {
    section.restore(this.text, this.count, this.present, this.edition);
    this.recallDerived(section);
  }

  /** Puts back only what was computed from known fields: the next message has the same known fields, but other lines have changed. */
  recallDerived(section: FieldSection): void {
    section.connection = this.connection;
    section.derived = this.derived;
  }

  forget(): void {
    this.text = "";
    this.count = 0;
    this.edition = 0;
    this.present = 0;
    this.connection = null;
    this.derived = null;
  }
}
