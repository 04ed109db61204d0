import {
  Backlog,
  type BacklogOptions,
  Flusher,
  type Gate,
  Outbox,
  type OutboxOwner,
  OutgoingPacket,
  type Sink,
} from "../../src/outbox/index.ts";

/** A sink that remembers what it was given. */
export class RecordingSink implements Sink {
  readonly takesBytes: boolean;
  pendingBytes = 0;
  isIdle = true;
  readonly writes: Buffer[] = [];
  readonly packets: OutgoingPacket[] = [];

  constructor(takesBytes = true) {
    this.takesBytes = takesBytes;
  }

  writeBytes(buffers: Buffer[]): void {
    this.writes.push(Buffer.concat(buffers));
  }

  writePackets(packets: OutgoingPacket[]): void {
    this.packets.push(...packets);
  }

  /** The texts received so far, whichever way they came. */
  texts(): string[] {
    return this.takesBytes
      ? textsIn(Buffer.concat(this.writes))
      : this.packets.flatMap(({ parts }) => parts as string[]);
  }
}

/** One with an `outboxBytesMax` of 1,024, unless told otherwise. */
export function newFlusher(limits: Partial<BacklogOptions> = {}): Flusher {
  return new Flusher(
    new Backlog({ outboxBytesMax: 1024, shedBytes: 1024, outboxTotalBytesMax: 1024 * 1024, ...limits }),
  );
}

/** A stand-in for a connection. */
export class Owner implements OutboxOwner {
  readonly sink: RecordingSink;
  readonly outbox: Outbox;
  readonly overflows: number[] = [];
  flushes = 0;

  constructor(flusher: Flusher, takesBytes = true) {
    this.sink = new RecordingSink(takesBytes);
    this.outbox = new Outbox(this, flusher, this.sink);
    this.outbox.isAwaited = true;
  }

  onIssue(): void {}
  onFlush(): void {}
  onWritten(): void {}
  onFlushed(): void {
    this.flushes++;
  }
  shed(): undefined {}
  onOverflow(pendingBytes: number): void {
    this.overflows.push(pendingBytes);
  }
}

export const text = (content: string, gate?: Gate) => new OutgoingPacket([content], { gate });

/** The payloads of unmasked text frames, without the digit of their type. */
export function textsIn(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    let length = bytes[at + 1]!;
    let start = at + 2;
    if (length === 126) {
      length = bytes.readUInt16BE(start);
      start += 2;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(start));
      start += 8;
    }
    texts.push(bytes.toString("utf8", start + 1, start + length));
    at = start + length;
  }
  return texts;
}
