import { createServer } from "node:http";
import {
  type BroadcastOperator,
  type DefaultEventsMap,
  type DisconnectReason,
  type Event,
  type ExtendedError,
  type Namespace,
  type RemoteSocket,
  Server,
  type ServerOptions,
  type Socket,
} from "holdfast";
import { type Socket as Connection, Server as Engine } from "holdfast/engine";
import {
  type Socket as ClientSocket,
  io,
  Manager,
  type ManagerOptions,
  type SocketOptions,
} from "holdfast-client";

interface FromClient {
  say: (text: string, answer: (length: number) => void) => void;
}
interface ToClient {
  said: (text: string, bytes: Buffer) => void;
}
interface Data {
  name: string;
}

const options: Partial<ServerOptions> = { path: "/chat", cors: { origin: "*" } };
const server = new Server<FromClient, ToClient, DefaultEventsMap, Data>(createServer(), options);
server.use((socket, next: (error?: ExtendedError) => void) =>
  next(socket.data.name ? undefined : new Error()),
);
server.on("connection", (socket: Socket<FromClient, ToClient, DefaultEventsMap, Data>) => {
  const name: string = socket.data.name;
  socket.use((event: Event, next) => next(event.length > 9 ? new Error(name) : undefined));
  socket.on("say", (text, answer) => answer(text.length));
  socket.to("room").emit("said", "hello", Buffer.from("x"));
  // @ts-expect-error: no such event
  socket.emit("unheard");
  // @ts-expect-error: a number is no text
  socket.emit("said", 1);
  socket.on("disconnect", (reason: DisconnectReason) => reason satisfies string);
});
const namespace: Namespace<FromClient, ToClient, DefaultEventsMap, Data> = server.of("/");
const room: BroadcastOperator<ToClient, Data> = namespace.to("room");
export const members: Promise<RemoteSocket<ToClient, Data>[]> = room.fetchSockets();
export const engine: Engine = new Engine();
export const connectionId = (connection: Connection): string => connection.id;

const clientOptions: Partial<ManagerOptions & SocketOptions> = {
  transports: ["websocket"],
  autoConnect: false,
};
const client: ClientSocket<ToClient, FromClient> = io("http://localhost", clientOptions);
client.on("said", (text, bytes) => `${text.length} ${bytes.byteLength}`);
client.emit("say", "hello", (length) => length.toFixed());
export const manager: Manager = new Manager("http://localhost", clientOptions);
