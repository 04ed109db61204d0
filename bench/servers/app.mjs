// The program that is measured. It knows Socket.IO's API only, so `socket.io` and `holdfast` run it unchanged.

const ROOM = "room";
const COPIES = 20;

/**
 * Registers what one bench needs, and no more: listeners cost memory, and idle connections are weighed.
 * @param io a Socket.IO server
 * @param {string} kind which program to run, a key of `programs`
 */
export function serve(io, kind) {
  const program = programs[kind];
  if (!program) throw new Error(`no program "${kind}"`);
  program(io);
}

const programs = {
  idle(io) {
    const onChat = () => {};
    io.on("connection", (socket) => {
      socket.on("chat", onChat);
    });
  },

  chat(io) {
    io.on("connection", (socket) => {
      socket.join(ROOM);
      socket.on("chat", (message) => {
        io.to(ROOM).emit("chat", message);
      });
    });
  },

  /** The same; a server that can keeps the room. */
  kept(io) {
    programs.chat(io);
  },

  /** Those of servers whose clients can come back. */
  "recover-chat": (io) => programs.chat(io),
  "recover-idle": (io) => programs.idle(io),

  /** Of clients that resume, in a room that is kept and in one that is not; and of those that do nothing there. */
  "resume-kept": (io) => programs.chat(io),
  "resume-chat": (io) => programs.chat(io),
  "resume-idle": (io) => {
    const onChat = () => {};
    io.on("connection", (socket) => {
      socket.join(ROOM);
      socket.on("chat", onChat);
    });
  },

  others(io) {
    io.on("connection", (socket) => {
      socket.join(ROOM);
      socket.on("chat", (message, done) => {
        socket.to(ROOM).emit("chat", message);
        done();
      });
    });
  },

  burst(io) {
    io.on("connection", (socket) => {
      socket.join(ROOM);
      socket.on("chat", (message) => {
        for (let copy = 0; copy < COPIES; copy++) io.to(ROOM).emit("chat", message);
      });
    });
  },

  binary(io) {
    io.on("connection", (socket) => {
      socket.join(ROOM);
      socket.on("binary", (bytes) => {
        io.to(ROOM).emit("binary", bytes);
      });
    });
  },

  echo(io) {
    io.on("connection", (socket) => {
      socket.on("echo", (message, done) => done(message));
    });
  },

  flood(io) {
    io.on("connection", (socket) => {
      socket.join(ROOM);
      socket.on("echo", (message, done) => done(message));
      socket.on("chat", (message) => {
        io.to(ROOM).emit("chat", message);
      });
    });
  },

  rooms(io) {
    io.on("connection", (socket) => {
      socket.on("enter", (rooms, done) => {
        socket.join(rooms);
        done();
      });
      socket.on("swap", (left, joined, done) => {
        socket.leave(left);
        socket.join(joined);
        done();
      });
      socket.on("say", (room, message, done) => {
        io.to(room).emit("chat", message);
        done();
      });
      socket.on("clear", (done) => {
        for (const room of socket.rooms) if (room !== socket.id) socket.leave(room);
        done();
      });
    });
  },
};
