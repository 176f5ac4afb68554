import type { ConnectionOptions } from "../../http/connection-options.ts";
import type { FieldSection } from "../../http/field-section.ts";

/**
 * The field lines of the message before, and what was found in them. A reader writes this down when it clears its head for the next
 * message, and gives it back where the next lines are the same: then nobody searches them again.
 */
export class SectionBefore {
  text: string = "";
  count: number = 0;
  /** Of the lines, see FieldSection; 0: they were not read to their end and cannot be recalled. */
  edition: number = 0;
  private present: number = 0;
  private connection: ConnectionOptions | null = null;
  private derived: object | null = null;

  /** Writes down what is in the section. Its offsets are not copied: they stay in the section until other lines take their place. */
  take(section: FieldSection): void {
    this.text = section.text;
    this.count = section.count;
    this.edition = section.edition;
    this.present = section.present;
    this.connection = section.connection;
    this.derived = section.derived;
  }

  /** To the section that was taken and then cleared: its next lines are the same, octet by octet. On a kept connection that is usual. */
  recall(section: FieldSection): void {
    section.restore(this.text, this.count, this.present, this.edition);
    this.recallDerived(section);
  }

  /** Some lines are others, but none of these is a known field or was one: what was found in the known fields holds again. */
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
