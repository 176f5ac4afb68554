/**
 * Makes a listening server accept nothing for a while. Clients that connect meanwhile wait in the system's queue and cost the process no
 * file descriptor.
 */
import type { Server } from "node:net";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";

/** An argument of `server.listen` in place of an address: another server that listens, or its handle. */
type Listening = object;

/**
 * Node accepts every connection as long as a thread holds the listening handle. So during a pause no thread holds it: the server is posted
 * to a message channel, as if to another thread (Node 26 can transfer listening TCP servers), and stays in the channel until the pause
 * ends.
 */
export class ListenerPause {
  private channel: MessageChannel | null = null;
  private handle: { readonly fd: number } | null = null;

  get isOn(): boolean {
    return this.channel !== null;
  }

  /**
   * Begins the pause; `server` cannot be used any more. Returns false, and does nothing, if this version of Node or this kind of listener
   * cannot be transferred.
   */
  begin(server: Server): boolean {
    const channel = new MessageChannel();
    const { _handle: handle } = server as Server & { readonly _handle?: { readonly fd: number } | null };
    try {
      // Node's types do not know yet that a server can be transferred.
      Reflect.apply(channel.port1.postMessage, channel.port1, [server, [server]]);
    } catch {
      channel.port1.close();
      return false;
    }
    this.channel = channel;
    this.handle = handle ?? null;
    return true;
  }

  /**
   * Whether `begin` failed for want of a file descriptor. Node then drops the server without an error, but its handle is still open here.
   */
  get hasFailed(): boolean {
    return this.handle !== null && this.handle.fd >= 0;
  }

  /** Ends the pause. Returns what a new server can listen on, or null if the listener was lost. */
  end(): Listening | null {
    const { channel, handle } = this;
    const failed = this.hasFailed;
    this.channel = null;
    this.handle = null;
    if (channel === null || failed) {
      channel?.port1.close();
      return handle;
    }
    const received: { message: Listening } | undefined = receiveMessageOnPort(channel.port2);
    channel.port1.close();
    return received?.message ?? null;
  }
}
