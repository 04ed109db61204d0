import type { Outcome } from "./outcome.ts";
import type { Entry } from "./storage.ts";

/** What the pages that share an outbox tell each other. Storage has the truth: these are told sooner, or again. */
export type TabMessage =
  | ["added", Entry[]]
  | ["sent", number[]]
  | ["settled", number, Outcome]
  | ["removed", number[]];

/** One page among those that share an outbox: at most one of them sends. */
export interface Tabs {
  tell(message: TabMessage): void;
  /** Calls `granted` once this page may send; the function that it returns gives that up, before or after. */
  hold(granted: () => void): () => void;
  close(): void;
}

/** The pages of an origin. Others take over when one is closed, crashes, or loses its connection. */
export function sharedBy(name: string, hear: (message: TabMessage) => void): Tabs {
  let isClosed = false;
  const channel = new BroadcastChannel(`holdfast:${name}`);
  channel.onmessage = ({ data }: MessageEvent<TabMessage>) => hear(data);
  return {
    tell: (message) => {
      if (!isClosed) channel.postMessage(message);
    },
    hold(granted) {
      const waiting = new AbortController();
      let release: () => void;
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const isHeld = () => {
        granted();
        return released;
      };
      // rejects when it is given up before it was granted
      navigator.locks.request(`holdfast:${name}`, { signal: waiting.signal }, isHeld).catch(() => {});
      return () => {
        waiting.abort();
        release();
      };
    },
    close: () => {
      isClosed = true;
      channel.close();
    },
  };
}

/** Nobody else. */
export const alone: Tabs = {
  tell() {},
  hold(granted) {
    granted();
    return () => {};
  },
  close() {},
};
