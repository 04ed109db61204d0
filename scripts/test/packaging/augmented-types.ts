import { Server, type Socket } from "holdfast";

// Programs add members of their own to the classes.
declare module "holdfast" {
  interface Socket {
    user: string;
  }
}

export const userOf = (socket: Socket): string => socket.user + socket.id;
new Server().on("connection", (socket) => userOf(socket));
