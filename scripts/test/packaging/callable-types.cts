import { createServer } from "node:http";

import holdfast = require("holdfast");

export const called: holdfast.Server = holdfast(3000);
export const constructed: holdfast.Server = new holdfast.Server(createServer(), { path: "/chat" });
export const name = (socket: holdfast.Socket): string => socket.id;
