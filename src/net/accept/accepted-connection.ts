import type { LocalAnswer } from "../../proxy/local-answer.ts";

/** A connection of a client as its listener knows it: whatever protocol it speaks, and while its handshake is under way too. */
export interface AcceptedConnection {
  /** Address of the client, by which the connection is counted. */
  readonly peer: string;
  /** The listener takes nothing new: what the connection carries may end, and then the connection ends. */
  drain(): void;
  /** Closes the connection if it has served and carries nothing at the moment. True: it was one. */
  closeIfIdle(): boolean;
  /** Ends the connection with that answer, which nobody has asked for. */
  turnAway(answer: LocalAnswer): void;
  /** Ends the connection whatever it carries. True: something was cut. */
  cutNow(): boolean;
}
