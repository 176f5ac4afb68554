import { ClientConnection } from "./client/client-connection.ts";
import * as client from "./client/client-state.ts";
import { UpstreamConnection } from "./upstream/upstream-connection.ts";
import * as upstream from "./upstream/upstream-state.ts";
import { Tunnel } from "../tunnel.ts";
import * as tunnels from "../tunnel-state.ts";

let isChecking = false;

/**
 * Checks the state changes of all HTTP/1 connections and tunnels of the process from now on. A change that the table `FOLLOWING` of
 * client-state.ts, upstream-state.ts or tunnel-state.ts does not have is thrown as an error.
 */
export function checkStates(): void {
  if (isChecking) return;
  isChecking = true;
  const { enter: enterClient } = ClientConnection.prototype;
  ClientConnection.prototype.enter = function (this: ClientConnection, next: client.State): void {
    const { state } = this;
    if (!client.FOLLOWING[state].includes(next)) refuse("client connection", nameIn(client.State, state), nameIn(client.State, next));
    enterClient.call(this, next);
  };
  const { enter: enterUpstream } = UpstreamConnection.prototype;
  UpstreamConnection.prototype.enter = function (this: UpstreamConnection, next: upstream.State): void {
    const { state } = this;
    if (!upstream.FOLLOWING[state].includes(next))
      refuse("upstream connection", nameIn(upstream.State, state), nameIn(upstream.State, next));
    enterUpstream.call(this, next);
  };
  const { enter: enterTunnel } = Tunnel.prototype;
  Tunnel.prototype.enter = function (this: Tunnel, next: tunnels.State): void {
    const { state } = this;
    if (!tunnels.FOLLOWING[state].includes(next)) refuse("tunnel", nameIn(tunnels.State, state), nameIn(tunnels.State, next));
    enterTunnel.call(this, next);
  };
}

function refuse(what: string, before: string, next: string): never {
  throw new Error(`the ${what} was ${before}, and is ${next} now`);
}

function nameIn(states: Readonly<Record<string, number>>, state: number): string {
  return Object.entries(states).find(([, value]) => value === state)?.[0] ?? String(state);
}
