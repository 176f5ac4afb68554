import { ClientConnection } from "./client/client-connection.ts";
import { FOLLOWING, State } from "./client/client-state.ts";

let isChecking = false;

/** From now on every connection of the process is checked: a change of state that the table does not have is thrown. */
export function checkStates(): void {
  if (isChecking) return;
  isChecking = true;
  const { enter } = ClientConnection.prototype;
  ClientConnection.prototype.enter = function (this: ClientConnection, next: State): void {
    const { state } = this;
    if (!FOLLOWING[state].includes(next)) throw new Error(`the client connection was ${nameOf(state)}, and is ${nameOf(next)} now`);
    enter.call(this, next);
  };
}

function nameOf(state: State): string {
  return Object.entries(State).find(([, value]) => value === state)?.[0] ?? String(state);
}
