/** Puts the page together: the door, then the chat; which room is shown is told by the address (`#/lobby`). */
import { browser, ownKey, tab } from "./browser-storage.js";
import { announce, notify } from "./dom.js";
import { byId, make } from "./elements.js";
import { setUpEntrance, showEntrance } from "./entrance.js";
import { closePeople, setUpPeople } from "./people-view.js";
import { RoomView } from "./room-view.js";
import { addressOf, RoomsView } from "./rooms-view.js";
import { Session } from "./session.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {{ session: Session, rooms: RoomsView, room: RoomView }} Chat */

const firstRoom = "lobby";
const chatElement = byId("chat");
const banner = byId("banner");
const confirmation = /** @type {HTMLDialogElement} */ (byId("confirm"));
const isPhone = matchMedia("(max-width: 720px)");

/** @type {Session | null} */ let session = null;
/** @type {Chat | null} Once the server has let us in. */ let chat = null;

/**
 * @param {string} name
 * @param {boolean} [isBack] Then the chat opens even without a connection: what waits to be sent is seen.
 */
function enter(name, isBack = false) {
  const io = /** @type {any} */ (globalThis).io;
  if (!io) return showEntrance(name, "The client could not be loaded. Reload the page.");
  session?.close();
  const mine = new Session(io, name, ownKey());
  session = mine;
  mine.addEventListener("refused", (event) => leaveChat(/** @type {CustomEvent} */ (event).detail));
  mine.addEventListener("status", () => {
    if (mine !== session) return;
    // What this browser keeps for the user is under the name as the server writes it.
    if (!chat && mine.status === "online" && mine.name !== name) return enter(mine.name);
    if (!chat && mine.status === "online") openChat(mine);
    else if (!chat && mine.status === "offline" && isBack) openChat(mine);
    else if (!chat && mine.status === "offline")
      showEntrance(name, "There is no connection to the server. Trying again…");
    showStatus();
  });
  // Usually it takes a moment only.
  if (isBack) setTimeout(() => !chat && mine === session && openChat(mine), 800);
}

/** @param {Session} session */
function openChat(session) {
  browser.write("name", session.name);
  tab.write("name", session.name);
  chat = {
    session,
    room: new RoomView(session),
    rooms: new RoomsView(session, (name) => {
      location.hash = addressOf(name);
    }),
  };
  session.addEventListener("conversations", () => {
    rememberRooms([...session.conversations.keys()]);
    for (const conversation of session.conversations.values()) follow(conversation);
  });
  session.addEventListener("rooms", route);
  for (const name of remembered()) session.join(name);
  byId("entrance").hidden = true;
  chatElement.hidden = false;
  route();
  chat.rooms.update();
  if (chat.room.current) chat.room.focus();
}

/** @param {string[] | null} names */
function rememberRooms(names) {
  for (const storage of [tab, browser]) storage.write("rooms", names && JSON.stringify(names));
}

/** The rooms this tab was in before a reload, or the one that was closed last; at first, the lobby and no other. */
function remembered() {
  try {
    const names = JSON.parse(tab.read("rooms") ?? browser.read("rooms") ?? "");
    if (Array.isArray(names)) return names.filter((name) => typeof name === "string");
  } catch {
    // Nothing, or nothing of ours.
  }
  return roomInAddress() === null ? [firstRoom] : [];
}

/** Ends the session and shows the door. @param {string} [reason] */
function leaveChat(reason) {
  const name = session?.name ?? "";
  session?.close();
  const conversations = [...(session?.conversations.values() ?? [])];
  session = null;
  if (chat) {
    for (const conversation of conversations) chat.session.leave(conversation);
    chat.room.show(null);
  }
  chat = null;
  if (!reason) {
    tab.write("name", null);
    rememberRooms(null);
    browser.write("name", null);
    history.replaceState(null, "", location.pathname);
  } else if (conversations.length > 0) {
    rememberRooms(conversations.map((conversation) => conversation.name));
  }
  showTitle();
  showEntrance(name, reason);
}

const followed = new WeakSet();
/** @param {Conversation} conversation */
function follow(conversation) {
  if (followed.has(conversation)) return;
  followed.add(conversation);
  conversation.addEventListener("state", () => {
    chat?.rooms.update();
    showTitle();
  });
}

function roomInAddress() {
  if (!location.hash.startsWith("#/")) return null;
  try {
    return decodeURIComponent(location.hash.slice(2)) || null;
  } catch {
    return null;
  }
}

/** Shows what the address names; entering a room is going to its address. */
function route() {
  if (!chat) return;
  const { session, room, rooms } = chat;
  let name = roomInAddress();
  // A wide window always shows a room; a phone shows the list until one is chosen.
  if (name === null && !isPhone.matches) {
    name = session.conversations.keys().next().value ?? null;
    if (name !== null) history.replaceState(null, "", addressOf(name));
  }
  chatElement.dataset.screen = name === null ? "rooms" : "room";
  const before = room.current;
  room.show(name === null ? null : session.join(name));
  rooms.current = room.current?.name ?? null;
  rooms.update();
  showTitle();
  if (room.current === before) return;
  closePeople();
  if (name !== null) room.focus();
}

/** Leaves the room that is shown, and goes on to another. */
function leaveRoom() {
  if (!chat?.room.current) return;
  const { session, room } = chat;
  const conversation = room.current;
  if (!conversation) return;
  const names = [...session.conversations.keys()];
  const place = names.indexOf(conversation.name);
  const next = isPhone.matches ? undefined : (names[place + 1] ?? names[place - 1]);
  room.show(null);
  session.leave(conversation);
  announce(`You have left ${conversation.name}.`);
  history.replaceState(null, "", next === undefined ? location.pathname : addressOf(next));
  route();
  if (next === undefined) focusRooms();
}

function focusRooms() {
  const link = document.querySelector(".rooms li a");
  (link instanceof HTMLElement ? link : byId("new-room-name")).focus();
}

async function deleteRoom() {
  const conversation = chat?.room.current;
  if (!chat || !conversation) return;
  byId("confirm-title").textContent = `Delete ${conversation.name}?`;
  byId("confirm-text").textContent = "It goes away for everyone in it, with all its messages.";
  confirmation.returnValue = "no";
  confirmation.showModal();
  await new Promise((resolve) => confirmation.addEventListener("close", resolve, { once: true }));
  if (confirmation.returnValue !== "yes") return;
  const answer = await chat.session.deleteRoom(conversation.name);
  if (answer.ok) leaveRoom();
  else notify(answer.message);
}

let wasOffline = false;
function showStatus() {
  const status = chat ? session?.status : "online";
  const offline = status === "offline" || status === "ended";
  if (offline) {
    const words =
      status === "offline"
        ? ["Connection lost.", "Reconnecting… What you write is kept, and sent once you are back."]
        : ["The server has closed this connection.", ""];
    const button = make("button", { type: "button" }, status === "offline" ? "Try now" : "Reconnect");
    button.addEventListener("click", () => session?.reconnect());
    banner.replaceChildren(
      make("span", { class: "pulse", "aria-hidden": "true" }),
      make("p", {}, make("strong", {}, words[0] ?? ""), " ", make("span", { class: "more" }, words[1] ?? "")),
      button,
    );
  } else if (wasOffline) {
    // The words stay in place while the banner fades (style.css), and are read out once.
    banner.replaceChildren(make("p", {}, make("strong", {}, "You are back online.")));
  } else {
    banner.replaceChildren();
  }
  banner.dataset.state = offline ? "offline" : wasOffline ? "back" : "";
  wasOffline = offline;
}

function showTitle() {
  let unread = 0;
  for (const conversation of session?.conversations.values() ?? []) unread += conversation.unread;
  const room = chat?.room.current?.name;
  document.title = `${unread > 0 ? `(${unread}) ` : ""}${room ? `${room} – ` : ""}Holdfast chat`;
}

setUpEntrance(enter);
setUpPeople();
byId("leave-room").addEventListener("click", leaveRoom);
byId("gone-close").addEventListener("click", leaveRoom);
byId("delete-room").addEventListener("click", deleteRoom);
byId("exit").addEventListener("click", () => leaveChat());
byId("back").addEventListener("click", () => {
  history.replaceState(null, "", location.pathname);
  route();
  focusRooms();
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("composer").focus();
});
addEventListener("hashchange", route);
isPhone.addEventListener("change", route);
addEventListener("offline", () => session?.drop());
addEventListener("online", () => session?.reconnect());
document.addEventListener("visibilitychange", () => {
  chat?.room.attend();
  if (document.visibilityState === "visible" && session?.status === "offline") session.reconnect();
});
addEventListener("keydown", (event) => {
  // Alt with an arrow goes through the user's rooms.
  if (!chat || !event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
  event.preventDefault();
  const names = [...chat.session.conversations.keys()];
  const step = event.key === "ArrowDown" ? 1 : -1;
  const name = names[(names.indexOf(chat.room.current?.name ?? "") + step + names.length) % names.length];
  if (name !== undefined) location.hash = addressOf(name);
});

const name = tab.read("name") ?? browser.read("name");
if (name) enter(name, true);
else showEntrance("");
