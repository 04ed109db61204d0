// The few members used of packages that ship no types.

declare module "express" {
  import type { RequestListener } from "node:http";

  type Handler = (
    request: import("node:http").IncomingMessage & {
      session: { views?: number; save(done: () => void): void };
    },
    response: import("node:http").ServerResponse & { send(body: string): void },
  ) => void;
  interface Application extends RequestListener {
    use(middleware: unknown): this;
    get(path: string, handler: Handler): this;
  }
  const express: () => Application;
  export default express;
}

declare module "express-session" {
  const session: (options: {
    secret: string;
    resave: boolean;
    saveUninitialized: boolean;
  }) => import("../../src/engine-api.ts").EngineMiddleware;
  export default session;
}

declare module "passport" {
  const passport: {
    initialize(): import("../../src/engine-api.ts").EngineMiddleware;
    session(): import("../../src/engine-api.ts").EngineMiddleware;
    serializeUser(serialize: (user: unknown, done: (error: unknown, id: string) => void) => void): void;
    deserializeUser(deserialize: (id: string, done: (error: unknown, user: unknown) => void) => void): void;
  };
  export default passport;
}

declare module "socket.io-client-v2" {
  type Listener = (...args: never[]) => void;
  export interface V2Socket {
    id: string;
    connected: boolean;
    io: { engine: { transport: { name: string } } };
    on(event: string, listener: Listener): this;
    once(event: string, listener: Listener): this;
    emit(event: string, ...args: unknown[]): this;
    send(...args: unknown[]): this;
    close(): this;
  }
  const io: (url: string, options?: Record<string, unknown>) => V2Socket;
  export default io;
}
