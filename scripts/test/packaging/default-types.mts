import Server, { type Socket } from "holdfast";
import io, { type Socket as ClientSocket } from "holdfast-client";

const server: Server = new Server({ path: "/chat" });
server.on("connection", (socket: Socket) => socket.emit("hello"));

export const client: ClientSocket = io("http://localhost:3000", { path: "/chat" });
