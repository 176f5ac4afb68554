/** Makes a listening server accept nothing for a while: who connects waits in the system's queue and costs no descriptor. */
import type { Server } from "node:net";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";

/** What a server can listen on instead of an address: another server that does, or its handle. */
type Listening = object;

/**
 * A listening handle of Node's accepts whatever comes as long as a thread has it. So no thread has it: the server is sent through a
 * channel, as to another thread (Node 26 transfers listening TCP servers), and stays there until it comes back.
 */
export class ListenerPause {
  private channel: MessageChannel | null = null;
  private handle: { readonly fd: number } | null = null;

  get isOn(): boolean {
    return this.channel !== null;
  }

  /** The server is of no use from then on. False: nothing was done, this version of Node or this kind of listener knows no transfer. */
  begin(server: Server): boolean {
    const channel = new MessageChannel();
    const { _handle: handle } = server as Server & { readonly _handle?: { readonly fd: number } | null };
    try {
      // Node's types do not know yet that it can be transferred.
      Reflect.apply(channel.port1.postMessage, channel.port1, [server, [server]]);
    } catch {
      channel.port1.close();
      return false;
    }
    this.channel = channel;
    this.handle = handle ?? null;
    return true;
  }

  /** A transfer takes a descriptor for a moment. Without one Node loses the server and says nothing; but its handle is still open here. */
  get hasFailed(): boolean {
    return this.handle !== null && this.handle.fd >= 0;
  }

  /** What to listen on to go on, or to close for good; null where it was lost. */
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
