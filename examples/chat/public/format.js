/** How times, days and counts read. */

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

/** @param {number} time Milliseconds since 1970. */
export const timeText = (time) => clock.format(time);

/** @param {number} time */
export function dayText(time) {
  const daysAgo = Math.round((midnight(Date.now()) - midnight(time)) / 86_400_000);
  if (daysAgo === 0) return "Today";
  return daysAgo === 1 ? "Yesterday" : day.format(time);
}

/** @param {number} time */
export const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);

/**
 * @param {number} count
 * @param {string} one
 * @param {string} many
 */
export const countText = (count, one, many) => `${count} ${count === 1 ? one : many}`;

/** @param {string[]} names */
export function typingText(names) {
  if (names.length === 0) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
  return "Several people are typing…";
}
